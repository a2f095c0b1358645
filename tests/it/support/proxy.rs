//! An HTTP proxy (CONNECT) and a SOCKS5 proxy that write down which name they
//! were asked for and connect everything to one given address.
//!
//! So a name that nobody can look up (`something.onion`) arrives at a
//! recorder, and the test sees that the proxy was given the name itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use super::Watched;
use super::server::Server;

pub(crate) struct Proxy {
    server: Server,
    asked: Arc<Watched<Vec<Asked>>>,
}

/// What somebody wanted of a proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// `host:port`, the host as it was given.
    pub(crate) target: String,
    /// `user:password`, if the proxy asked for them.
    pub(crate) login: Option<String>,
}

impl Proxy {
    /// An HTTP proxy in front of `target`.
    pub(crate) fn http(target: SocketAddr) -> Proxy {
        Proxy::start(target, accept_http)
    }

    /// A SOCKS5 proxy in front of `target`, which knows no names, as that of `ssh -D`.
    pub(crate) fn socks(target: SocketAddr) -> Proxy {
        Proxy::start(target, |connection| accept_socks(connection, false))
    }

    /// The same, which has whoever offers one say a name, as Tor does.
    pub(crate) fn socks_with_names(target: SocketAddr) -> Proxy {
        Proxy::start(target, |connection| accept_socks(connection, true))
    }

    fn start(target: SocketAddr, accept: fn(&TcpStream) -> io::Result<Asked>) -> Proxy {
        let asked = Arc::new(Watched::<Vec<Asked>>::default());
        let kept = Arc::clone(&asked);
        let server = Server::start(move |connection| {
            let Ok(one) = accept(&connection) else { return };
            kept.change(|all| all.push(one));
            // Either side may hang up at any time.
            let _ = TcpStream::connect(target).and_then(|onward| join(connection, onward));
        });
        Proxy { server, asked }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// `host:port` of each connection it was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.look(|all| all.iter().map(|one| one.target.clone()).collect())
    }

    /// The same, sorted, each with who asked.
    pub(crate) fn asked_by(&self) -> Vec<(String, Option<String>)> {
        let mut all: Vec<_> =
            self.asked.look(|all| all.iter().map(|one| (one.target.clone(), one.login.clone())).collect());
        all.sort();
        all
    }
}

/// `CONNECT host:port HTTP/1.1`, headers, an empty line.
fn accept_http(mut connection: &TcpStream) -> io::Result<Asked> {
    // The client says nothing further until it has its answer, so nothing is
    // lost in the reader's buffer.
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    while !lines.next().ok_or(io::ErrorKind::UnexpectedEof)??.is_empty() {}
    let mut words = first.split(' ');
    match (words.next(), words.next()) {
        (Some("CONNECT"), Some(name)) => {
            connection.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            Ok(Asked { target: name.to_owned(), login: None })
        }
        _ => {
            connection.write_all(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")?;
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

/// RFC 1928, with RFC 1929 for whoever offers it to a proxy that `takes_names`.
fn accept_socks(mut connection: &TcpStream, takes_names: bool) -> io::Result<Asked> {
    const NAME_AND_PASSWORD: u8 = 2;
    let methods = take(connection, 2)?[1];
    let offered = take(connection, usize::from(methods))?;
    let mut login = None;
    if takes_names && offered.contains(&NAME_AND_PASSWORD) {
        connection.write_all(&[5, NAME_AND_PASSWORD])?;
        let name = take(connection, 2)?[1];
        let name = take_text(connection, name)?;
        let password = take(connection, 1)?[0];
        login = Some(format!("{name}:{}", take_text(connection, password)?));
        connection.write_all(&[1, 0])?;
    } else if offered.contains(&0) {
        connection.write_all(&[5, 0])?;
    } else {
        connection.write_all(&[5, 0xff])?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let host = match take(connection, 4)?[3] {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(take(connection, 4)?).unwrap()).to_string(),
        3 => {
            let length = take(connection, 1)?[0];
            take_text(connection, length)?
        }
        _ => format!("[{}]", Ipv6Addr::from(<[u8; 16]>::try_from(take(connection, 16)?).unwrap())),
    };
    let port = u16::from_be_bytes(take(connection, 2)?.try_into().unwrap());
    connection.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(Asked { target: format!("{host}:{port}"), login })
}

fn take(mut connection: &TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    connection.read_exact(&mut bytes).map(|()| bytes)
}

fn take_text(connection: &TcpStream, length: u8) -> io::Result<String> {
    take(connection, usize::from(length)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Carries bytes both ways until both sides have ended.
fn join(near: TcpStream, far: TcpStream) -> io::Result<()> {
    let carry = |mut from: TcpStream, mut to: TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
        let _ = from.shutdown(Shutdown::Read);
    };
    let (near_too, far_too) = (near.try_clone()?, far.try_clone()?);
    let back = thread::spawn(move || carry(far_too, near_too));
    carry(near, far);
    let _ = back.join();
    Ok(())
}

mod tests {
    use super::super::recorder::Recorder;
    use super::*;

    const REQUEST: &[u8] = b"POST /x HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"text\":\"via\"}";

    /// Says each of `words` through the proxy and reads as many bytes as are expected back, then posts.
    #[track_caller]
    fn check(proxy: &Proxy, recorder: &Recorder, words: &[(&[u8], usize)], name: &str) {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        for (word, expected) in words {
            stream.write_all(word).unwrap();
            stream.read_exact(&mut vec![0; *expected]).unwrap();
        }
        stream.write_all(REQUEST).unwrap();
        assert_eq!(recorder.wait_for(1)[0].text(), "via");
        assert_eq!(proxy.asked(), [name]);
    }

    #[test]
    fn http_proxy_sees_the_name() {
        let recorder = Recorder::start();
        let proxy = Proxy::http(recorder.address());
        let connect = b"CONNECT nobody.invalid:80 HTTP/1.1\r\nHost: x\r\n\r\n";
        check(&proxy, &recorder, &[(connect, "HTTP/1.1 200 Connected\r\n\r\n".len())], "nobody.invalid:80");
    }

    #[test]
    fn socks_proxy_sees_the_name() {
        let recorder = Recorder::start();
        let proxy = Proxy::socks(recorder.address());
        let connect = b"\x05\x01\x00\x03\x0bsome1.onion\x00\x50";
        check(&proxy, &recorder, &[(b"\x05\x01\x00", 2), (connect, 10)], "some1.onion:80");
        assert_eq!(proxy.asked_by(), [("some1.onion:80".to_owned(), None)]);
    }

    #[test]
    fn socks_proxy_with_names_sees_who_asks() {
        let recorder = Recorder::start();
        let proxy = Proxy::socks_with_names(recorder.address());
        let connect = b"\x05\x01\x00\x03\x0bsome1.onion\x00\x50";
        let words: [(&[u8], usize); 3] = [(b"\x05\x02\x02\x00", 2), (b"\x01\x02me\x01p", 2), (connect, 10)];
        check(&proxy, &recorder, &words, "some1.onion:80");
        assert_eq!(proxy.asked_by(), [("some1.onion:80".to_owned(), Some("me:p".to_owned()))]);
    }
}
