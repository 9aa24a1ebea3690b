#![no_main]

foundry_gateway_fuzz::target!(table_entities, ",");
