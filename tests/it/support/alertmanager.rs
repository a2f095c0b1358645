//! Real Alertmanagers (Debian: prometheus-alertmanager), a cluster over loopback on free ports.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::recorder::Recorder;
use super::{DEADLINE, TempFolder, skip};

/// Whether there is one; says so if not.
pub(crate) fn is_there() -> bool {
    let is_there = Command::new("prometheus-alertmanager").arg("--version").output().is_ok();
    if !is_there {
        skip("there is no prometheus-alertmanager");
    }
    is_there
}

/// One member; killed when dropped.
pub(crate) struct Alertmanager {
    child: Child,
    folder: TempFolder,
    /// Where its API is.
    pub(crate) web: SocketAddr,
    cluster: SocketAddr,
    peers: Vec<SocketAddr>,
}

impl Alertmanager {
    /// Two that know one another. Each alert is a group of its own, looked at once, at once, and notified to `recorder`.
    #[track_caller]
    pub(crate) fn two(recorder: &Recorder) -> [Alertmanager; 2] {
        let config = format!(
            "route:\n  receiver: recorder\n  group_by: ['...']\n  group_wait: 100ms\n  group_interval: 1h\n  \
             repeat_interval: 4h\n\
             receivers:\n- name: recorder\n  webhook_configs:\n  - url: {}\n    send_resolved: false\n",
            recorder.url("/hook")
        );
        // A port that is free now may be taken when it is needed.
        let two = (0..5).find_map(|_| {
            let [web_1, cluster_1, web_2, cluster_2] = free_ports();
            let one = Alertmanager::start(&config, web_1, cluster_1, vec![cluster_2]);
            let two = Alertmanager::start(&config, web_2, cluster_2, vec![cluster_1]);
            let mut both = [one, two];
            both.iter_mut().all(Alertmanager::is_settled).then_some(both)
        });
        two.expect("two Alertmanagers find one another")
    }

    /// One by itself, that tells `webhook` (of its configuration, indented by four) what fires and what is over.
    #[track_caller]
    pub(crate) fn one(webhook: &str) -> Alertmanager {
        let config = format!(
            "route:\n  receiver: us\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  \
             repeat_interval: 4h\nreceivers:\n- name: us\n  webhook_configs:\n{webhook}"
        );
        let one = (0..5).find_map(|_| {
            let [web, cluster] = free_ports();
            let mut one = Alertmanager::start(&config, web, cluster, Vec::new());
            one.is_settled().then_some(one)
        });
        one.expect("an Alertmanager starts")
    }

    fn start(config: &str, web: SocketAddr, cluster: SocketAddr, peers: Vec<SocketAddr>) -> Alertmanager {
        let folder = TempFolder::new();
        folder.write("config.yml", config);
        Alertmanager { child: spawn(&folder, web, cluster, &peers), folder, web, cluster, peers }
    }

    /// Tells it alerts, as Prometheus does.
    #[track_caller]
    pub(crate) fn post(&self, alerts: &Value) {
        let body = alerts.to_string();
        let mut stream = TcpStream::connect(self.web).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = "POST /api/v2/alerts HTTP/1.0\r\nContent-Type: application/json";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again where it was, with what is on its disk.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.folder, self.web, self.cluster, &self.peers);
        assert!(self.is_settled(), "it does not come back");
    }

    /// Waits until it is ready and sees the other; false if it has ended instead.
    fn is_settled(&mut self) -> bool {
        let mut has_ended = false;
        let settled = wait_until(DEADLINE, || {
            has_ended = self.child.try_wait().unwrap().is_some();
            let status =
                self.ask("/api/v2/status").and_then(|text| serde_json::from_str::<Value>(&text).ok());
            let cluster = status.map(|status| status["cluster"].clone()).unwrap_or_default();
            let peers = cluster["peers"].as_array().map_or(0, Vec::len);
            has_ended || cluster["status"] == "ready" && peers == self.peers.len() + 1
        });
        settled && !has_ended
    }

    /// Waits until it has decided of `count` alerts since it was started whether they are to be notified.
    #[track_caller]
    pub(crate) fn wait_until_decided(&self, count: usize, within: Duration) {
        // It asks its log of notifications when the time for the other to notify has passed.
        let queries = || -> Option<usize> {
            let metrics = self.ask("/metrics")?;
            let line =
                metrics.lines().find_map(|line| line.strip_prefix("alertmanager_nflog_queries_total "))?;
            line.parse().ok()
        };
        assert!(wait_until(within, || queries() >= Some(count)), "{:?} and not {count}", queries());
    }

    /// What it answers to a GET, if it does.
    fn ask(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.web).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        // By HTTP/1.0, which knows no chunks.
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &TempFolder, web: SocketAddr, cluster: SocketAddr, peers: &[SocketAddr]) -> Child {
    let mut command = Command::new("prometheus-alertmanager");
    command.arg(format!("--config.file={}", folder.path("config.yml")));
    command.arg(format!("--storage.path={}", folder.path("data")));
    command.arg(format!("--web.listen-address={web}"));
    command.arg(format!("--cluster.listen-address={cluster}"));
    command.arg(format!("--cluster.advertise-address={cluster}"));
    command.args(peers.iter().map(|peer| format!("--cluster.peer={peer}")));
    // So long the second waits for the first, whatever else this machine has to do.
    command.arg("--cluster.peer-timeout=5s");
    // All else as fast as it goes.
    command.args(["--cluster.gossip-interval=20ms", "--cluster.pushpull-interval=1s"]);
    command.args(["--cluster.reconnect-interval=500ms", "--cluster.probe-interval=500ms"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Ports that are free by TCP and UDP, different ones.
fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let sockets: [_; N] = std::array::from_fn(|_| {
        let free = (0..50).find_map(|_| {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
            let address = tcp.local_addr().ok()?;
            Some((UdpSocket::bind(address).ok()?, tcp, address))
        });
        free.expect("a port is free")
    });
    sockets.map(|(_, _, address)| address)
}

/// Whether `is_so` came to be true in time.
fn wait_until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    is_so()
}
