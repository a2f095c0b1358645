//! Who asks Tor, and whom it tells.

use std::sync::Arc;

use crossbeam_channel::Sender;
use tokio::sync::{mpsc, oneshot};

use crate::figures::tor::Tor;
use crate::serve::OfTor;
use crate::tor::{Settings, Watcher};
use crate::worker::Call;

/// Those who ask for figures at once; the next are shown the last ones.
const ASKING_MAX: usize = 8;

/// The ends that others take; the [`Watcher`] itself is for the runtime.
pub(super) struct Watch {
    pub(super) figures: Arc<Tor>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
    pub(super) watcher: Watcher,
}

impl Watch {
    pub(super) fn new(settings: Settings, calls: &Sender<Call>) -> Watch {
        let (ask, asked) = mpsc::channel(ASKING_MAX);
        let (figures, calls) = (Arc::<Tor>::default(), calls.clone());
        // The worker is gone only when everything is.
        let tell = Box::new(move |text| drop(calls.send(Call::Trouble(text))));
        let watcher = Watcher { settings, figures: Arc::clone(&figures), asked, tell };
        Watch { figures, ask, watcher }
    }

    pub(super) fn for_site(&self) -> OfTor {
        OfTor { figures: Arc::clone(&self.figures), ask: self.ask.clone() }
    }
}
