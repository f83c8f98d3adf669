//! A real headless browser that renders pages and takes pictures of them.

mod install;
mod page;
mod pipe;

pub(crate) use self::{
    install::install,
    page::{Browser, Page, Scheme},
};
