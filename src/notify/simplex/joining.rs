//! From a name to a number, and into the group if we are not in it.
//!
//! ```text
//!   #name ─► /_groups ─► a member ──────────────────────────────────► its number
//!               │  └──── invited ─► /_join ─────────┐
//!               └─ out ─► each link: plan ─ known ──┼──────────────► its number
//!                                    └─ new ─► /connect ─► wait ─► let in ─► its number
//!                                                            └─► not yet: the alert waits
//! ```
//!
//! Apart from the sending, which needs the number alone. A link is used once, and not again for an hour
//! while nobody has let us in: each use asks the group's people anew.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Target;
use super::delivery::observer;
use super::frame::{self, Chat, Group, Plan, Standing, Trouble, part};
use super::hub::Seat;
use super::worker::{Failing, Worker};
use crate::log;
use crate::notify::Outcome;

/// Most groups let us in at once, by a bot or the app of whoever owns it.
const JOIN_WAIT: Duration = Duration::from_secs(10);

/// Left of an attempt for the message itself.
const SEND_WAIT: Duration = Duration::from_secs(8);

/// A link is not used again sooner, while nobody has let us in.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// Invitations that wait to be accepted; of one more the list of groups knows.
const INVITATIONS_MAX: usize = 8;

/// What is remembered of a link.
#[derive(Default)]
pub(super) struct Door {
    /// When we have asked to be let in.
    asked_at: Option<Instant>,
}

/// What became of a look for a group.
enum Found {
    Here(i64),
    /// We have asked to be let in, or accepted an invitation, just now.
    Asked,
    /// We did so before, and are not in.
    Waiting,
    /// A human must act.
    Stuck(String),
    Nowhere,
}

fn failed(failing: Failing) -> Outcome {
    match failing {
        Failing::Unanswered(reason) | Failing::Said(Trouble::Passing(reason)) => Outcome::Failed { reason },
        Failing::Said(trouble) => {
            Outcome::Parked { reason: format!("simplex-chat does not do as we ask: {}", trouble.words()) }
        }
    }
}

impl Worker {
    /// The number of `target`; joins it, if it must be, and waits a little to be let in.
    ///
    /// # Errors
    /// What the attempt comes to if there is none.
    pub(super) fn resolve(&mut self, seat: Seat, target: &Target, until: Instant) -> Result<Chat, Outcome> {
        if let Some(chat) = self.place(seat).chat {
            return Ok(chat);
        }
        let until = until.checked_sub(SEND_WAIT).unwrap_or(until);
        let chat = match target {
            Target::Contact(name) => self.contact(name, until)?,
            Target::Group(_) | Target::Linked => self.group(target, until)?,
        };
        self.place(seat).chat = Some(chat);
        Ok(chat)
    }

    fn contact(&mut self, name: &str, until: Instant) -> Result<Chat, Outcome> {
        let mut wait_until = None;
        loop {
            let news = self.news;
            let body = self.ask_of_user("/_contacts", "", until).map_err(failed)?;
            // Anybody can take another's name for a profile: only ours for them is sure.
            let found = frame::contacts(&body).find(|(_, local)| *local == name);
            if let Some((id, _)) = found {
                return Ok(Chat::Contact(id));
            }
            let found = self.knock(&Target::Contact(name.to_owned()), until)?;
            if matches!(found, Some(Found::Asked)) {
                wait_until.get_or_insert(until.min(Instant::now() + JOIN_WAIT));
            }
            match found {
                Some(Found::Asked | Found::Waiting) if self.wait_for_news(news, wait_until) => continue,
                Some(Found::Asked | Found::Waiting) => return Err(waiting(&format!("@{name}"))),
                Some(Found::Stuck(reason)) => return Err(Outcome::Parked { reason }),
                _ => {}
            }
            let reason = format!(
                "simplex-chat has no contact called @{name} (by its own name for them): connect with them there"
            );
            return Err(Outcome::Parked { reason });
        }
    }

    fn group(&mut self, target: &Target, until: Instant) -> Result<Chat, Outcome> {
        let mut wait_until = None;
        loop {
            let news = self.news;
            let mut found = self.look_for(target, until)?;
            if matches!(found, Found::Nowhere) {
                found = self.knock(target, until)?.unwrap_or(Found::Nowhere);
            }
            if matches!(found, Found::Asked) {
                wait_until.get_or_insert(until.min(Instant::now() + JOIN_WAIT));
            }
            match found {
                Found::Here(id) => return Ok(Chat::Group(id)),
                Found::Asked | Found::Waiting if self.wait_for_news(news, wait_until) => {}
                Found::Asked | Found::Waiting => return Err(waiting(&target.to_string())),
                Found::Stuck(reason) => return Err(Outcome::Parked { reason }),
                Found::Nowhere => {
                    let remedy = match self.doors.is_empty() {
                        true => "invite it, or set SIMPLEX_LINK",
                        false => "SIMPLEX_LINK leads to no group of that name",
                    };
                    let reason = format!("simplex-chat is no member of {target}: {remedy}");
                    return Err(Outcome::Parked { reason });
                }
            }
        }
    }

    /// Looks among the groups that simplex-chat knows.
    fn look_for(&mut self, target: &Target, until: Instant) -> Result<Found, Outcome> {
        let Target::Group(name) = target else { return Ok(Found::Nowhere) };
        let body = self.ask_of_user("/_groups", "", until).map_err(failed)?;
        let groups = frame::groups(&body);
        let found = choose(&groups, name);
        Ok(match found {
            Choice::None => Found::Nowhere,
            Choice::Several => Found::Stuck(format!(
                "several groups are called {target}: name the one that is meant as simplex-chat lists it (/groups)"
            )),
            Choice::One(group) => self.enter(group, target, until).map_err(failed)?,
        })
    }

    /// What there is to do about a group that simplex-chat knows.
    fn enter(&mut self, group: &Group, target: &Target, until: Instant) -> Result<Found, Failing> {
        Ok(match group.standing {
            Standing::Member => Found::Here(group.id),
            Standing::Observer => Found::Stuck(observer(target)),
            Standing::Pending => Found::Waiting,
            Standing::Out => Found::Nowhere,
            Standing::Invited => {
                self.ask(&format!("/_join #{}", group.id), until)?;
                log::info("simplex invitation accepted", &[("group", &target)]);
                Found::Asked
            }
        })
    }

    /// Tries each link. None if there is none that leads on.
    fn knock(&mut self, target: &Target, until: Instant) -> Result<Option<Found>, Outcome> {
        let mut best = None;
        for index in 0..self.settings.links.len() {
            let found = match self.knock_at(index, target, until) {
                Ok(found) => found,
                Err(Failing::Said(Trouble::NoLink)) => Found::Stuck(format!(
                    "SIMPLEX_LINK: simplex-chat does not take link {} for one of its own",
                    index + 1
                )),
                Err(Failing::Said(Trouble::DeadLink)) => {
                    Found::Stuck(format!("SIMPLEX_LINK: link {} was used up, or withdrawn", index + 1))
                }
                Err(failing) => return Err(failed(failing)),
            };
            let is_first = *target == Target::Linked;
            match found {
                Found::Here(_) => return Ok(Some(found)),
                // The others may lead there, but without a name only the first is meant.
                Found::Nowhere if !is_first => {}
                _ if is_first => return Ok(Some(found)),
                Found::Asked | Found::Waiting => {
                    best = best.filter(|best| matches!(best, Found::Asked)).or(Some(found))
                }
                _ => best = best.or(Some(found)),
            }
        }
        Ok(best)
    }

    fn knock_at(&mut self, index: usize, target: &Target, until: Instant) -> Result<Found, Failing> {
        let Some(link) = self.settings.links.get(index).cloned() else { return Ok(Found::Nowhere) };
        let link = link.expose();
        // A version that does not know this kind of link may take it all the same.
        let planned = match self.ask_of_user("/_connect plan", &format!(" {link}"), until) {
            Ok(body) => self.follow(frame::plan(&body), target, until)?,
            Err(Failing::Said(Trouble::Other(_))) => None,
            Err(failing) => return Err(failing),
        };
        if let Some(found) = planned {
            return Ok(found);
        }
        let Some(door) = self.doors.get_mut(index) else { return Ok(Found::Nowhere) };
        if door.asked_at.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return Ok(Found::Waiting);
        }
        door.asked_at = Some(Instant::now());
        let answer = self.ask(&format!("/connect {link}"), until);
        if let (Err(_), Some(door)) = (&answer, self.doors.get_mut(index)) {
            // Nobody was asked; or if somebody was, the plan will say so.
            door.asked_at = None;
        }
        let body = answer?;
        log::info("simplex link used", &[("link", &(index + 1))]);
        match frame::kind(&body) {
            "connectionPlan" => Ok(self.follow(frame::plan(&body), target, until)?.unwrap_or(Found::Nowhere)),
            _ => Ok(Found::Asked),
        }
    }

    /// What a plan says of where we are; None if we are not there yet.
    fn follow(&mut self, plan: Plan, target: &Target, until: Instant) -> Result<Option<Found>, Failing> {
        Ok(match plan {
            Plan::New => None,
            Plan::Asked => Some(Found::Waiting),
            // A contact that is there has been looked for by its name.
            Plan::Contact(_) => Some(Found::Nowhere),
            Plan::Group(group) if *target == Target::Linked => match group.standing {
                Standing::Out => None,
                _ => Some(self.enter(&group, target, until)?),
            },
            // Of a group by its name the list has told all, unless we are out of it.
            Plan::Group(group) => match (group.standing, is_called(&group, target)) {
                (Standing::Out, true) => None,
                (Standing::Pending, true) => Some(Found::Waiting),
                _ => Some(Found::Nowhere),
            },
        })
    }

    /// Takes in that a member has invited us; only into groups that we tell.
    pub(super) fn note_invitation(&mut self, body: &Value) {
        self.look_again();
        let Some(group) = Group::read(part(body, "groupInfo")) else { return };
        let is_ours = |target: &Target| is_called(&group, target);
        let is_new = self.invitations.len() < INVITATIONS_MAX && !self.invitations.contains(&group.id);
        if is_new && self.places.iter().filter_map(|place| place.target.as_ref()).any(is_ours) {
            self.invitations.push(group.id);
        }
    }

    /// Accepts those into groups that are meant. Anybody who is a contact can call a group of theirs as ours is
    /// called, so where there is or was one of that name, a human decides.
    pub(super) fn accept_invitations(&mut self) {
        // What comes meanwhile is for the next time: alerts wait.
        let invited = std::mem::take(&mut self.invitations);
        if invited.is_empty() {
            return;
        }
        let Ok(body) = self.ask_of_user("/_groups", "", Worker::soon()) else { return };
        let groups = frame::groups(&body);
        for id in invited {
            let is_it = |target: &Target| match target {
                Target::Group(name) => matches!(choose(&groups, name), Choice::One(group) if group.id == id),
                Target::Contact(_) | Target::Linked => false,
            };
            if self.places.iter().filter_map(|place| place.target.as_ref()).any(is_it) {
                // If that fails, the next message into the group finds the invitation in the list.
                let _ = self.ask(&format!("/_join #{id}"), Worker::soon());
            } else {
                log::warn("simplex invitation left to you", &[("group", &id)]);
            }
        }
    }

    /// Waits for something to change about groups and contacts, if we have just asked; true if it has.
    fn wait_for_news(&mut self, news: usize, until: Option<Instant>) -> bool {
        let Some(until) = until else { return false };
        loop {
            if self.news != news {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.connected().is_err() {
                return false;
            }
            if let Some(frame) = self.hear(left) {
                self.observe(&frame);
            }
        }
    }
}

fn waiting(target: &str) -> Outcome {
    Outcome::Failed { reason: format!("waiting to be let into {target}") }
}

fn is_called(group: &Group, target: &Target) -> bool {
    matches!(target, Target::Group(name) if group.local == *name || group.display == *name)
}

/// Which group a name means.
#[derive(Debug, PartialEq)]
enum Choice<'g> {
    One(&'g Group),
    None,
    Several,
}

/// By simplex-chat's own name first, then by the name that its owner gave it. One that we can write to
/// goes before one that we were removed from, which stays in the list and keeps its name.
fn choose<'g>(groups: &'g [Group], name: &str) -> Choice<'g> {
    let local = groups.iter().find(|group| group.local == name);
    if let Some(group) = local.filter(|group| group.standing != Standing::Out) {
        return Choice::One(group);
    }
    // An invitation may be anybody's, and the name that of a group that we were in.
    let is_there = |group: &&Group| match group.standing {
        Standing::Out => false,
        Standing::Invited => local.is_none(),
        Standing::Member | Standing::Observer | Standing::Pending => true,
    };
    let mut others = groups.iter().filter(|group| group.display == name).filter(is_there);
    match (others.next(), others.next()) {
        (Some(group), None) => Choice::One(group),
        (Some(_), Some(_)) => Choice::Several,
        (None, _) => local.map_or(Choice::None, Choice::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups as `local=display:standing`, and the local name of the one that `#ops` means.
    #[track_caller]
    fn check(groups: &[&str], expected: &str) {
        let groups: Vec<_> = groups
            .iter()
            .zip(1..)
            .map(|(text, id)| {
                let (names, standing) = text.split_once(':').unwrap();
                let (local, display) = names.split_once('=').unwrap();
                let standing = match standing {
                    "out" => Standing::Out,
                    "invited" => Standing::Invited,
                    _ => Standing::Member,
                };
                Group { id, local: local.to_owned(), display: display.to_owned(), standing }
            })
            .collect();
        let chosen = match choose(&groups, "ops") {
            Choice::One(group) => &*group.local,
            Choice::None => "none",
            Choice::Several => "several",
        };
        assert_eq!(chosen, expected);
    }

    #[test]
    fn a_name_means_the_group_that_simplex_chat_calls_so_and_then_the_one_that_its_owner_does() {
        check(&["ops=ops:in", "ops_1=ops:in"], "ops");
        check(&["ops_1=ops:in", "x=y:in"], "ops_1");
        check(&["ops_1=ops:in", "ops_2=ops:in"], "several");
        check(&["x=y:in"], "none");
    }

    #[test]
    fn a_group_that_we_are_out_of_is_not_in_the_way_of_a_new_one() {
        check(&["ops=ops:out", "ops_1=ops:in"], "ops_1");
        check(&["ops=ops:out", "x=y:in"], "ops");
    }

    #[test]
    fn an_invitation_into_another_group_of_the_same_name_is_not_taken_for_ours() {
        check(&["ops=ops:invited"], "ops");
        check(&["ops_1=ops:invited", "x=y:in"], "ops_1");
        check(&["ops=ops:out", "ops_1=ops:invited"], "ops");
        check(&["ops=ops:in", "ops_1=ops:invited"], "ops");
        check(&["ops_1=ops:invited", "ops_2=ops:invited"], "several");
    }
}
