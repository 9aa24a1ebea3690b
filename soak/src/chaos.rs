//! What goes wrong between the gateways and the services that they call.

mod plan;
mod proxy;
mod relay;
mod weather;

pub(crate) use self::{
    proxy::ChaosProxy,
    weather::{Weather, changes},
};
