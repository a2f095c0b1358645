//! What is sent back, and what is taken in: both bounded.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use tokio::time::timeout;

use super::lines::Stream;

/// Texts for the tester are the longest: sixteen lines of 4 KiB.
pub(super) const BYTES_MAX: usize = 64 * 1024;

/// Whoever sends a body slower is cut off.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent back.
pub(super) enum Body {
    /// All at once.
    Piece(Option<Bytes>),
    /// As it comes.
    Lines(Box<Stream>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Body::Piece(piece) => Poll::Ready(piece.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Lines(lines) => lines.poll(context).map(|bytes| Some(Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Piece(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Piece(piece) => SizeHint::with_exact(piece.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Lines(_) => SizeHint::default(),
        }
    }
}

/// An answer of one piece, which nobody keeps.
pub(super) fn piece(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Piece(Some(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// A sentence.
pub(super) fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    piece(status, "text/plain; charset=utf-8", text.into())
}

/// That a token is needed.
pub(super) fn unauthorized(text: &str) -> Response<Body> {
    let mut response = plain(StatusCode::UNAUTHORIZED, text);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// A value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => piece(StatusCode::OK, "application/json", bytes),
        // Texts and numbers have no such fault.
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// All of a body that is not longer than `bytes_max` and not too slow, or what to answer.
pub(super) async fn read(body: Incoming, bytes_max: usize) -> Result<Vec<u8>, Response<Body>> {
    let too_long = || plain(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {bytes_max} bytes\n"));
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    let mut body = body;
    let mut bytes = Vec::new();
    let all = async {
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            match frame {
                None => return Ok(()),
                Some(Err(_)) => return Err(plain(StatusCode::BAD_REQUEST, "the body has no end\n")),
                Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            }
            if bytes.len() > bytes_max {
                return Err(too_long());
            }
        }
    };
    match timeout(READ_TIMEOUT, all).await {
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(response)) => Err(response),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "too slow\n")),
    }
}

/// The body read as JSON, or what to answer.
pub(super) async fn read_json<T: serde::de::DeserializeOwned>(body: Incoming) -> Result<T, Response<Body>> {
    let bytes = read(body, BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| plain(StatusCode::BAD_REQUEST, format!("{error}\n")))
}
