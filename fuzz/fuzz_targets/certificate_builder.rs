#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| chancery_fuzz::lint::certificate_builder(octets));
