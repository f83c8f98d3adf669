//! Decides whether the machine would have run out with more free memory.

use super::{holding::Freed, recorded::Recorded};
use crate::{account::enough_bytes, whatif::Refusal};

/// Returns whether memory would have run out. An `Ok(false)` means that there would have been enough for this allocation.
pub(in crate::whatif) fn runs_out(recorded: &Recorded<'_>, freed: &Freed) -> Result<bool, Refusal> {
    if freed.bytes == 0 {
        return Ok(true);
    }
    match enough_bytes(recorded.incident) {
        Some(enough) if freed.bytes >= enough => Ok(false),
        Some(enough) => Err(Refusal::TooLittle { freed: freed.bytes, enough }),
        None => Err(Refusal::NeedUnknown),
    }
}
