//! The emulator over real connections.

mod agents;
mod faults;
mod front_door;
mod journal;
mod program;
mod replay;
mod responses;
mod support;
mod threads;
