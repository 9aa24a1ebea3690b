#![no_main]

foundry_gateway_fuzz::target!(service_errors, "\n");
