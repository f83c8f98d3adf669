//! The call trace of the trigger.

use maud::{Markup, html};

use crate::{report::Report, sink::call_trace};

pub(super) fn call_trace(report: &Report) -> Markup {
    let (kernel, user) = (call_trace::kernel(&report.allocation), call_trace::user(&report.allocation));
    html! {
        @if !kernel.is_empty() || !user.is_empty() {
            details.calls {
                summary { "The calls that led to the allocation" }
                (calls("In the kernel, innermost first", &kernel))
                (calls("In user space, as far as frame pointers lead", &user))
            }
        }
    }
}

fn calls(title: &str, calls: &[String]) -> Markup {
    html! {
        @if !calls.is_empty() {
            h3 { (title) }
            ol.calls { @for call in calls { li { code { (call) } } } }
        }
    }
}
