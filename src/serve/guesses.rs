//! Wrong tokens, by who sent them: whoever guesses is not listened to for the rest of a second.
//!
//! Apart from the access, which says what is right and remembers nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than a person mistypes, or a page with an old cookie asks for.
const WRONG_MAX: u32 = 10;

/// The span in which they are counted.
const SPAN: Duration = Duration::from_secs(1);

/// Peers that are counted apart; while there are more in a second, nobody new is listened to.
const PEERS_MAX: usize = 256;

/// Who guessed when.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Guesses {
    /// True if a token of `peer` is to be looked at: right ones are refused too, or the answer would tell.
    pub(super) fn may_try(&self, peer: IpAddr, now: Instant) -> bool {
        let mut guesses = self.lock();
        guesses.retain(|_, (since, _)| now.saturating_duration_since(*since) < SPAN);
        match guesses.get(&network(peer)) {
            Some((_, count)) => *count < WRONG_MAX,
            None => guesses.len() < PEERS_MAX,
        }
    }

    /// One was wrong.
    pub(super) fn note_wrong(&self, peer: IpAddr, now: Instant) {
        let mut guesses = self.lock();
        let (_, count) = guesses.entry(network(peer)).or_insert((now, 0));
        *count = count.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, (Instant, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one IPv6 address has the other 2^64 of its network.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_is_not_listened_to_for_a_second_and_others_are() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let at = |millis| now + Duration::from_millis(millis);
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, same, other) = (peer("2001:db8::1"), peer("2001:db8::2"), peer("192.0.2.1"));
        for millis in 0..10 {
            assert!(guesses.may_try(one, at(millis)));
            guesses.note_wrong(one, at(millis));
        }
        assert!(!guesses.may_try(one, at(11)) && !guesses.may_try(same, at(999)));
        assert!(guesses.may_try(other, at(11)) && guesses.may_try(one, at(1000)));
        // However many addresses somebody has.
        for last in 0..300_u32 {
            guesses.note_wrong(IpAddr::V4(last.into()), at(2000));
        }
        assert!(!guesses.may_try(other, at(2001)) && guesses.may_try(other, at(3000)));
    }
}
