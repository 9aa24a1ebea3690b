//! The stand-in with a handler process (`examples/handler.rs`) behind it, over real connections on 127.0.0.1.

mod crashes;
mod cuts;
mod other_modes;
mod program;
mod proxying;
mod retries;
mod routes;
mod start;
mod support;
mod timers;
