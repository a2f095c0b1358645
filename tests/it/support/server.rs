//! A TCP server on a free port of 127.0.0.1, a thread for each connection.
//!
//! Under both the recorder and the proxies, which say what happens on a
//! connection. Dropping it ends the listening and every connection.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::Watched;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Watched<State>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    is_closing: bool,
    connections: Vec<TcpStream>,
}

impl Server {
    /// Calls `handle` with each connection, in a thread of its own.
    pub(crate) fn start(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Server {
        Server::start_at((Ipv4Addr::LOCALHOST, 0), handle)
    }

    /// The same at another address, for a test that has a network of its own.
    pub(crate) fn start_at(
        address: impl ToSocketAddrs,
        handle: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Watched::<State>::default());
        let (accepted, handle) = (Arc::clone(&state), Arc::new(handle));
        let accepting = thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (kept, own) = (connection.try_clone().unwrap(), connection.try_clone().unwrap());
                // Nagle's algorithm would hold back small answers.
                connection.set_nodelay(true).unwrap();
                let is_closing = accepted.change(|state| {
                    state.connections.push(kept);
                    state.is_closing
                });
                if is_closing {
                    return;
                }
                let handle = Arc::clone(&handle);
                thread::spawn(move || {
                    handle(connection);
                    // The clone that is kept would hold it open.
                    let _ = own.shutdown(Shutdown::Both);
                });
            }
        });
        Server { address, state, accepting: Some(accepting) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.change(|state| state.is_closing = true);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.state.look(|state| {
            for connection in &state.connections {
                let _ = connection.shutdown(Shutdown::Both);
            }
        });
    }
}
