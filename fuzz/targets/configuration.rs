#![no_main]

foundry_gateway_fuzz::target!(configuration, "\n---\n");
