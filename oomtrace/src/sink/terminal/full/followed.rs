//! The acts of user space after the kill, and earlier kills of the same kind.

use super::{super::units::span, sheet::Sheet};
use crate::{
    explain::ordinal,
    report::Report,
    sink::{chain, followed, prekill},
};

/// Acts of user space after the kernel's kill.
pub(super) fn followed(sheet: &mut Sheet, report: &Report) {
    for (index, act) in report.followed.iter().enumerate() {
        let words = followed::act(act);
        sheet.section(if index == 0 { "followed" } else { "" }, &words);
        if let Some(processes) = followed::processes(act) {
            sheet.more(&format!("  {processes}"));
        }
    }
}

/// The announcement of the kill, and what was read then.
pub(super) fn prekill(sheet: &mut Sheet, report: &Report) {
    let Some(announcement) = &report.prekill else { return };
    sheet.section("announced", &prekill::announced(announcement));
    for line in announcement.snapshot.iter().flat_map(prekill::before) {
        sheet.more(&format!("  {line}"));
    }
}

/// What became of the victim's cgroup.
pub(super) fn afterwards(sheet: &mut Sheet, report: &Report) {
    if let Some(words) = report.afterwards.as_ref().and_then(followed::afterwards) {
        sheet.section("afterwards", &words);
    }
}

/// The number of repetitions.
pub(super) fn repeats(sheet: &mut Sheet, report: &Report) {
    if let Some(repeats) = report.repeats {
        let (which, since) = (ordinal(repeats.count), span(repeats.since_ns));
        sheet.section(
            "repeats",
            &format!("{which} kill of this name in this place, the first {since} before"),
        );
    }
}

/// The kills that it belongs to.
pub(super) fn chain(sheet: &mut Sheet, report: &Report) {
    if let Some(chain) = &report.chain {
        sheet.section("chain", &chain::words(chain));
        sheet.more(&format!("  it began with {}", chain::first(chain)));
    }
}
