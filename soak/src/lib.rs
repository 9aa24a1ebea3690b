//! A soak: a load of conversations is held for a long time against two gateways while everything around them fails,
//! and every answer is checked.
//!
//! [`site`] starts the parts: two processes of the gateway, the emulator with a model behind it that testifies what it
//! was given ([`witness`], [`testimony`]), Azurite, an OTLP receiver, and proxies between them on which things go wrong
//! ([`chaos`], [`service_faults`]). [`load`] holds many [`conversation`]s at a time; each answer is read strictly
//! ([`reply`]), judged and counted ([`ledger`]). [`resources`] watches memory and descriptors. [`mod@run`] puts it together
//! and makes the [`report`].

mod azurite;
mod chaos;
mod client;
mod conversation;
mod gateway;
mod ledger;
mod load;
mod options;
mod permits;
mod receiver;
mod reply;
mod report;
mod resources;
mod run;
mod service_faults;
mod site;
mod testimony;
mod witness;

pub use self::{
    ledger::Outcome,
    options::Options,
    report::{GatewayReport, Report},
    resources::Resources,
    run::run,
};
