//! The native part: bytes of Kafka's record batches and of the platform's envelopes, whole chunks at a time.
//!
//! It knows formats and no rule. It may say "I don't know", never "no": what is not plain is left to the Python twin,
//! which is the only place where an input is refused. Nothing panics, whatever the bytes are (see `fuzz`).
#![forbid(unsafe_code)]

mod batches;
mod chunk;
mod envelope;
mod json;
mod outputs;
mod records;
mod text;

#[cfg(test)]
mod fuzz;
#[cfg(not(test))]
mod python;
