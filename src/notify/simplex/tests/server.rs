//! A server of WebSocket in the test's own process, which says what a script says: plain, with a password, or by TLS
//! and in small pieces.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::StatusCode;
use tungstenite::{Message as Frame, WebSocket, accept, accept_hdr};

/// What the server does about a command.
pub(super) enum Do {
    /// Says this, with the command's number.
    Answer(Value),
    /// Says this, unasked.
    Event(Value),
    /// Says this frame again and again.
    Forever(String),
    Cut,
}

pub(super) type Script = Box<dyn FnMut(&str) -> Vec<Do> + Send>;

type Asked = Arc<Mutex<Vec<String>>>;

/// A server that does as `script` says of each command; where it listens, and what it was asked.
pub(super) fn server(script: Script) -> (String, Asked) {
    let (address, asked) = serve(script, |stream| accept(stream).ok());
    (format!("ws://{address}"), asked)
}

/// The same that lets in who shows `authorization`.
pub(super) fn server_that_wants(authorization: &'static str, script: Script) -> (SocketAddr, Asked) {
    serve(script, move |stream| {
        #[expect(clippy::result_large_err, reason = "it is the crate's own type")]
        let check = |request: &Request, response: Response| {
            let shown = request.headers().get("authorization").and_then(|value| value.to_str().ok());
            assert_eq!(request.uri(), "/simplex?x=y");
            if shown == Some(authorization) {
                return Ok(response);
            }
            Err(Response::builder().status(StatusCode::UNAUTHORIZED).body(None).unwrap())
        };
        accept_hdr(stream, check).ok()
    })
}

/// The same by TLS, with every few bytes on their way alone; where it listens, and the file of its authority.
pub(super) fn trickling_tls_server(script: Script) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca_file = std::env::temp_dir().join(format!("alertik-simplex-{}.pem", std::process::id()));
    std::fs::write(&ca_file, cert.pem()).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let (address, _) = serve(script, move |stream| {
        stream.set_nodelay(true).unwrap();
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        accept(StreamOwned::new(session, Trickle(stream))).ok()
    });
    (format!("wss://localhost:{}", address.port()), ca_file.to_str().unwrap().to_owned())
}

/// Lets a few bytes through at a time, further apart than anybody waits who only looks.
struct Trickle(TcpStream);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        thread::sleep(Duration::from_millis(10));
        self.0.write(bytes.get(..31).unwrap_or(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn serve<S: Read + Write>(
    mut script: Script,
    accept: impl Fn(TcpStream) -> Option<WebSocket<S>> + Send + 'static,
) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("localhost:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Some(mut socket) = accept(stream.unwrap()) else { continue };
            'connection: while let Ok(frame) = socket.read() {
                let Frame::Text(text) = frame else { continue };
                let frame: Value = serde_json::from_str(&text).unwrap();
                let command = frame["cmd"].as_str().unwrap();
                heard.lock().unwrap().push(command.to_owned());
                for what in script(command) {
                    let said = match what {
                        Do::Answer(body) => json!({"corrId": frame["corrId"], "resp": body}),
                        Do::Event(body) => json!({"resp": body}),
                        Do::Forever(frame) => {
                            while socket.send(Frame::Text(frame.as_str().into())).is_ok() {}
                            break 'connection;
                        }
                        Do::Cut => break 'connection,
                    };
                    socket.send(Frame::Text(said.to_string().into())).unwrap();
                }
            }
        }
    });
    (address, asked)
}
