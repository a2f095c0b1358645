//! alertik listens to routers and tells people.
//!
//! One value goes in one direction: a *datagram* becomes a *line*, a line is
//! read as a *record*, rules make *alerts* of it, each destination sends its
//! *notification* as a *request* and judges the *outcome*. Only outcomes come
//! back, through one channel.
//!
//! ```text
//!                     main → cli
//!                        │
//!                     daemon ── worker                  know everyone; known by none
//!         ┌──────────┬───┴──────┬─────────┬─────────┬─────┬──────┬─────┐
//!       ingest     rules ···► notify ◄ heartbeat  watch  otel  serve  tor   know nothing of one another, except that
//!         │          │          ▲ └───────│─────────│────┘ └ figures ┴──┘   rules are told at the start whom they tell
//!   line  record  alert  memory  ring  vars  network  health  probe  live
//!   secret  stats  log  timestamp  span  value  fields  trial  routeros  stack  hook                 leaves
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | one file a command |
//! | [`settings`] | every variable, read once, all faults together |
//! | [`daemon`] | wiring: sockets, threads, signals, an orderly stop |
//! | [`worker`] | the loop: pop, observe, accept |
//! | [`ingest`] | datagrams into the ring, and on to `FORWARD_HOST`; understands nothing |
//! | [`rules`] | what the operator asked for: patterns, masks, built-in rules |
//! | [`notify`] | destinations, their queues and senders, one file a service |
//! | [`heartbeat`] | a sign of life: pings, and a message a day |
//! | [`watch`] | a dead man's switch: who must be heard from, and who is told if not |
//! | [`otel`] | OpenTelemetry: figures, and a copy of each alert, to a collector |
//! | [`tor`] | Tor, asked at its control port how it fares |
//! | [`serve`] | HTTP: health, metrics, the page, and what it asks for |
//! | [`draft`] | what variables written on the page would come to |

pub mod alert;
pub mod cli;
pub mod daemon;
pub mod draft;
pub mod fields;
pub mod figures;
pub mod health;
pub mod heartbeat;
pub mod hook;
pub mod ingest;
pub mod line;
pub mod live;
pub mod log;
pub mod memory;
pub mod network;
pub mod notify;
pub mod otel;
pub mod probe;
pub mod record;
pub mod ring;
pub mod routeros;
pub mod rules;
pub mod secret;
pub mod serve;
pub mod settings;
pub mod span;
pub mod stack;
pub mod stats;
pub mod timestamp;
pub mod tor;
pub mod trial;
pub mod value;
pub mod vars;
pub mod watch;
pub mod worker;
