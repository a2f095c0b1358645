//! Why there was no answer, in words.
//!
//! Apart from the client, because it is a table and nothing else: what ureq,
//! rustls and the system call a failure, and what the operator reads.

use std::io;

use super::tls;

/// Why no answer came. No text of ureq's own is passed on where it may hold an address.
pub(super) fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => io_words(error),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        ureq::Error::HostNotFound => "the name was not found (DNS)".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused the connection".to_owned(),
        ureq::Error::Tls(what) => format!("TLS: {what}"),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "the answer is not HTTP".to_owned(),
        ureq::Error::LargeResponseHeader(..) => "the answer's header is too long".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// The same of what reading or writing says.
pub(super) fn io_words(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        if let Some(error) = inner.downcast_ref::<rustls::Error>() {
            return tls::words(error);
        }
        if let Some(error) = inner.downcast_ref::<ureq::Error>() {
            return words(error);
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection was cut".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timed out".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no route to the host".to_owned()
        }
        // getaddrinfo's failures have no kind of their own that could be named here.
        _ if error.to_string().starts_with("failed to lookup address") => {
            "the name was not found (DNS)".to_owned()
        }
        kind => format!("the request failed ({kind})"),
    }
}
