//! How long one request may take, and what comes back for as long as it lasts.
//!
//! Apart from the client, whose services all have the same thirty seconds: these are asked otherwise.

use std::io::Read;
use std::time::Duration;

use ureq::http as wire;

use super::{Answer, Client, Request};

/// How long one request may take.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// As long as any.
    Usual,
    /// So long, from the name to the last byte.
    Whole(Duration),
    /// The usual time until the body begins, which lasts as long as it lasts.
    Head,
}

impl Client {
    /// Sends `request` and hands out an answer without its body, and the body as it comes, however long that takes.
    ///
    /// # Errors
    /// Why there was no answer, in words; never the address.
    pub fn follow(&self, request: Request) -> Result<(Answer, impl Read + use<>), String> {
        self.begin(request, Limit::Head)
    }

    /// Sends what is whole, and waits for the head of the answer.
    pub(super) fn ask<B: ureq::AsSendBody>(
        &self,
        whole: wire::Request<B>,
        limit: Limit,
    ) -> Result<wire::Response<ureq::Body>, ureq::Error> {
        let head = Some(self.timeouts.whole);
        let whole = match limit {
            Limit::Usual => whole,
            Limit::Whole(limit) => self.agent.configure_request(whole).timeout_global(Some(limit)).build(),
            Limit::Head => {
                self.agent.configure_request(whole).timeout_global(None).timeout_recv_response(head).build()
            }
        };
        self.agent.run(whole)
    }
}
