//! The task that asks Tor: at its pace, and when somebody wants fresh figures.
//!
//! ```text
//!   asked ──┐
//!   clock ──┴─► attempt (10 s) ─┬─ facts ─► figures::tor ─► who asked is told so
//!                    ▲          └─ Course ─► log, tell
//!                    └──────── 30 s; after trouble 1 s, 2 s, 4 s … 30 s
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::control::Control;
use super::course::Course;
use super::reading::{Answers, QUESTIONS, facts, trouble};
use super::{Settings, connections};
use crate::figures::tor::{Fact, Tor};
use crate::log;

/// Between two readings that nobody has asked for.
const EVERY: Duration = Duration::from_secs(30);

/// Readings are not closer, whoever asks: Tor has other work to do, and so have we.
const APART_MIN: Duration = Duration::from_secs(1);

/// It answers within milliseconds; more is an attempt that has failed.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Everything the task works with.
pub struct Watcher {
    /// Whom to ask.
    pub settings: Settings,
    /// Where the figures go.
    pub figures: Arc<Tor>,
    /// Who wants fresh ones, and is told when they are there.
    pub asked: mpsc::Receiver<oneshot::Sender<()>>,
    /// Tells people; never waits.
    pub tell: Box<dyn Fn(String) + Send>,
}

impl Watcher {
    /// Asks for ever.
    pub async fn run(mut self) {
        let (mut control, mut course) = (None, Course::default());
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        let mut wait = APART_MIN;
        loop {
            let attempt = timeout(ATTEMPT, read(&self.settings, control.take())).await;
            let attempt = attempt.unwrap_or_else(|_| Err("no answer within 10 s".to_owned()));
            let now = Instant::now();
            let said = match &attempt {
                Ok((_, facts)) => course.note(Ok(trouble(facts)), now),
                Err(reason) => course.note(Err(reason), now),
            };
            match said.log {
                None => {}
                Some(None) => log::info("tor answers", &[("address", &self.settings.address)]),
                Some(Some(reason)) => log::warn("tor does not answer", &[("reason", &reason)]),
            }
            said.tell.into_iter().for_each(&self.tell);
            let due = match attempt {
                Ok((kept, facts)) => {
                    (control, wait) = (Some(kept), APART_MIN);
                    self.figures.put(facts);
                    now + EVERY
                }
                Err(_) => {
                    self.figures.put(Vec::new());
                    let due = now + wait;
                    wait = (wait * 2).min(EVERY);
                    due
                }
            };
            // Who has gone away does not mind.
            for one in waiting.drain(..) {
                let _ = one.send(());
            }
            loop {
                tokio::select! {
                    () = sleep_until(due.into()) => break,
                    Some(one) = self.asked.recv() => {
                        if now.elapsed() >= APART_MIN {
                            waiting.push(one);
                            break;
                        }
                        let _ = one.send(());
                    }
                }
            }
            while let Ok(one) = self.asked.try_recv() {
                waiting.push(one);
            }
        }
    }
}

/// Asks all there is, on the connection there was if it still stands.
async fn read(settings: &Settings, kept: Option<Control>) -> Result<(Control, Vec<Fact>), String> {
    if let Some(kept) = kept
        && let Ok(read) = ask(kept).await
    {
        return Ok(read);
    }
    ask(Control::open(settings).await?).await
}

async fn ask(mut control: Control) -> Result<(Control, Vec<Fact>), String> {
    let replies = control.ask(&QUESTIONS).await?;
    let answers = Answers::of(&replies);
    let relay = match answers.of_relay() {
        Some(question) => control.ask(&[&question]).await?.pop(),
        None => None,
    };
    let connections = answers.process().and_then(connections::count);
    let facts = facts(&answers, relay.as_ref(), connections);
    Ok((control, facts))
}
