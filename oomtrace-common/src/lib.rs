//! The types and limits that the kernel side and user space of oomtrace share.
//!
//! They describe the data in the ring buffer and the read-only data of the eBPF object:
//!
//! * [`frame`]: the header of each event, and the kinds of events.
//! * [`event`]: the events.
//! * [`layout`]: the offsets and positions that the kernel side needs from the running kernel.
//! * [`limits`]: how much data is sent, and the sizes of the maps.
//!
//! The types contain fixed-width integers and explicit padding, but no enums with data and no `bool`. Any bytes are therefore a
//! valid value, so that decoding needs no trust.
#![no_std]

pub mod event;
pub mod frame;
pub mod layout;
pub mod limits;
