//! Work that takes long, on a thread of its own: the server's one thread is everybody's, and `/healthz`, TCP
//! and signals wait for nobody's pattern.

use std::thread;

use hyper::{Response, StatusCode};
use tokio::sync::{Semaphore, oneshot};

use super::body::{Body, plain};

/// One at a time: it is a person who waits for it, and the machine may have one core.
static PLACES: Semaphore = Semaphore::const_new(1);

/// The deepest patterns take 56 KiB in a debug build, and reading all variables some 100.
const STACK_BYTES: usize = 512 * 1024;

/// What `work` comes to, or what to answer if there is no thread for it. It goes on when whoever asked has gone,
/// and the next waits for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response<Body>> {
    let busy = |_| plain(StatusCode::SERVICE_UNAVAILABLE, "there is no thread for it\n");
    let place = PLACES.acquire().await.map_err(|_| busy(()))?;
    let (done, result) = oneshot::channel();
    let work = move || {
        let result = work();
        drop(place);
        // Whoever asked may have gone.
        let _ = done.send(result);
    };
    let thread = thread::Builder::new().name("aside".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(work).map_err(|_| busy(()))?;
    result.await.map_err(|_| busy(()))
}
