//! The treaty between the kernel side and user space of oomtrace.
//!
//! Everything here crosses the ring buffer or the read-only data of the eBPF object: [`frame`] is the envelope,
//! [`event`] the letters, [`layout`] what the kernel side has to know of the running kernel, [`limits`] how much
//! of anything is sent. Fixed-width integers, explicit padding, no enums with data, no `bool`: any bytes are a
//! value, so decoding needs no trust.
#![no_std]

pub mod event;
pub mod frame;
pub mod layout;
pub mod limits;
