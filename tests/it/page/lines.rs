//! Lines as they arrive: at once, filtered, held, and a sample of a flood.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{LOGIN_FAILURE, Page, shows};
use crate::support::recorder::Recorder;
use crate::support::variables::Variables;

#[test]
fn a_line_appears_within_200_ms_of_its_datagram() {
    const COUNT: usize = 15;
    let Some(page) = Page::open(&Variables::new()) else { return };
    // By the wall clock, which the browser and we share; and when it is drawn, not when it is made.
    page.browser.run(
        "window.seen = {};
        new MutationObserver(() => {
            for (const text of document.querySelectorAll('#lines .line .text')) {
                const number = /datagram (\\d+)/.exec(text.textContent)?.[1];
                if (number && !(number in seen)) {
                    seen[number] = 0;
                    requestAnimationFrame(() => seen[number] = Date.now());
                }
            }
        }).observe(document.querySelector('#lines'), {childList: true, subtree: true});",
    );
    let milliseconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1e3;
    let mut times: Vec<f64> = (1..=COUNT)
        .map(|number| {
            let sent = milliseconds();
            page.daemon.send(format!("script,info datagram {number}"));
            page.browser.wait_until(&format!("seen[{number}]")).as_f64().unwrap() - sent
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "datagram to page: median {:.0} ms, worst of {COUNT} {:.0} ms",
        times[COUNT / 2],
        times[COUNT - 1]
    );
    // As fast as a person calls at once. Half of them may meet a machine that has other work.
    assert!(times[COUNT / 2] < 200.0, "{times:?}");
    page.assert_clean();
}

#[test]
fn a_line_says_when_it_came_from_whom_and_what_it_fired() {
    let recorder = Recorder::start();
    let variables = Variables::new().generic(1, &recorder).with("ROUTERS", "127.0.0.1=attic");
    let Some(page) = Page::open(&variables.substr("Generic1", "login failure", "told")) else { return };
    page.send(LOGIN_FAILURE);
    page.send("system,info,account user admin logged in from 192.168.88.2 via winbox");
    let of = |number: usize, part: &str| {
        let line = format!("document.querySelectorAll('#lines .line')[{number}]");
        page.browser.text_of(&format!("{line}.querySelector({part:?})?.textContent ?? ''"))
    };
    assert!(of(0, ".text").contains("login failure for user guest from 192.168.88.17 via ssh"));
    assert!(of(0, ".router").contains("attic"), "{:?}", of(0, ".router"));
    assert!(of(0, ".fired").contains("EVENT0"), "{:?}", of(0, ".fired"));
    assert_eq!(of(1, ".fired"), "");
    let at = of(0, ".at");
    assert!(at.split(':').count() == 3, "{at:?}");
    page.assert_clean();
}

#[test]
fn a_paused_page_stands_still_and_then_goes_on() {
    let Some(page) = Page::open(&Variables::new()) else { return };
    page.send("script,info before");
    page.browser.click("#pause");
    page.browser.wait_until("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'");
    page.daemon.send("script,info meanwhile");
    // The daemon has it, so the page had it at once.
    page.browser
        .wait_until("fetch('/api/state').then(state => state.json()).then(state => state.lines >= 3)");
    assert!(page.browser.wait_until_within(Duration::from_millis(500), &shows("meanwhile")).is_none());
    assert_eq!(page.lines().len(), 1, "{:?}", page.lines());
    page.browser.click("#pause");
    page.send("script,info afterwards");
    page.browser.click("#clear");
    page.browser.wait_until("document.querySelectorAll('#lines .line').length === 0");
    page.assert_clean();
}

#[test]
fn lines_are_filtered_by_text_topic_router_and_what_they_fired() {
    let recorder = Recorder::start();
    let variables =
        Variables::new().generic(1, &recorder).with("ROUTERS", "127.0.0.1=attic,127.0.0.2=cellar");
    let Some(page) = Page::open(&variables.substr("Generic1", "login failure", "told")) else { return };
    let all = [LOGIN_FAILURE, "interface,info ether1 link down", "interface,warning ether2 link up"];
    all.iter().for_each(|line| page.send(line));
    page.daemon.send_from("127.0.0.2", "dhcp,info dhcp1 assigned 192.168.88.20");
    page.browser.wait_until(&shows("dhcp1 assigned"));

    let check = |expected: &[&str]| {
        let shown = |mut lines: Vec<String>| {
            lines.dedup();
            lines.len() == expected.len()
                && lines.iter().zip(expected).all(|(line, part)| line.contains(part))
        };
        let deadline = Instant::now() + crate::support::DEADLINE;
        while !shown(page.lines()) {
            assert!(Instant::now() < deadline, "{:?} is not {expected:?}", page.lines());
            thread::sleep(Duration::from_millis(10));
        }
    };
    check(&["login failure", "ether1", "ether2", "dhcp1"]);
    page.browser.fill("#filter", "LINK");
    check(&["ether1", "ether2"]);
    page.browser.fill("#filter-topic", "interface,!info");
    check(&["ether2"]);
    // What comes now is filtered too, once the daemon has been told.
    page.send_until_shown("interface,warning ether3 link up");
    page.daemon.send("interface,info ether4 link up");
    page.daemon.send("interface,warning ether5 link up");
    check(&["ether2", "ether3", "ether5"]);
    page.browser.fill("#filter", "");
    page.browser.fill("#filter-topic", "");
    page.browser.click("#filter-fired");
    check(&["login failure"]);
    page.browser.click("#filter-fired");
    page.browser.choose("#filter-router", "cellar");
    check(&["dhcp1"]);
    page.assert_clean();
}

/// Watches as a page does, without one; what it was sent is returned when it ends.
fn watch(address: SocketAddr) -> (TcpStream, JoinHandle<String>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET /api/lines HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut reading = stream.try_clone().unwrap();
    // The head is the sign that it watches.
    let mut first = [0; 4096];
    let count = reading.read(&mut first).unwrap();
    assert!(first[..count].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&first));
    let rest = thread::spawn(move || {
        let mut bytes = Vec::new();
        // It ends when it is shut down, by whichever side.
        let _ = reading.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    (stream, rest)
}

#[test]
fn of_a_flood_a_sample_is_shown_the_page_says_so_and_nothing_is_lost() {
    const BURSTS: usize = 300;
    const BURST: usize = 20;
    let Some(page) = Page::open(&Variables::new()) else { return };
    let watching: Vec<_> = (0..10).map(|_| watch(page.daemon.http.unwrap())).collect();
    let before = Instant::now();
    // As many as an unoptimised daemon reads beside all else; toolchain/load.sh has a hundred thousand a second.
    for number in 0..BURSTS {
        (0..BURST).for_each(|_| page.daemon.send(format!("script,info flood {number}")));
        page.daemon.wait_until_drained();
        thread::sleep(Duration::from_millis(10));
    }
    page.browser.wait_until("/\\d/.test(document.querySelector('#left-out').textContent)");
    let said = page.browser.text_of("document.querySelector('#left-out').textContent");
    println!("{} lines in {:?}: {said:?}", BURSTS * BURST, before.elapsed());
    // In a second of its own, or it would be among what is left out.
    page.send_until_shown("script,info after the flood");
    assert!(page.lines().len() < BURSTS * BURST / 2, "{}", page.lines().len());

    for (stream, reading) in watching {
        stream.shutdown(Shutdown::Both).unwrap();
        let sent = reading.join().unwrap();
        let (shown, last) =
            (sent.matches("data: ").count(), sent.rsplit("data: ").next().unwrap_or_default());
        assert!(shown > 50 && shown < BURSTS * BURST && sent.contains("left_out"), "{shown}: {last}");
    }
    page.assert_clean();
    let Page { browser, daemon } = page;
    drop(browser);
    let figures = daemon.stop("TERM").figures();
    assert!(figures.figure("lines") >= BURSTS * BURST);
    assert_eq!((figures.figure("evicted"), figures.figure("kernel_drops")), (0, 0));
}
