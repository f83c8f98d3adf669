//! A real browser without a window: what it makes of a page, and pictures of it.

mod install;
mod page;
mod pipe;

pub(crate) use self::{
    install::install,
    page::{Browser, Page, Scheme},
};
