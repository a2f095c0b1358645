//! Why the daemon cannot run, or could not go on.
//!
//! Apart from the wiring: each part says what is wrong with it, and this only whose it is.

use std::fmt;

use crate::ingest;
use crate::notify::dispatch;
use crate::serve;

/// Why the daemon cannot run, or could not go on.
#[derive(Debug)]
pub enum Error {
    /// What comes in.
    Ingest(ingest::Error),
    /// HTTP.
    Serve(serve::Error),
    /// Delivery.
    Dispatch(dispatch::Error),
    /// A thread, the runtime, or a signal's handler.
    Start(std::io::Error),
    /// `LOG_FILE`.
    Log(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Ingest(error) => error.fmt(f),
            Error::Serve(error) => error.fmt(f),
            Error::Dispatch(error) => error.fmt(f),
            Error::Start(error) => write!(f, "cannot start: {error}"),
            Error::Log(error) => f.write_str(error),
        }
    }
}

impl Error {
    /// True if it is for the operator to change a variable.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Error::Ingest(ingest::Error::ForwardToSelf(_)) | Error::Log(_))
    }
}
