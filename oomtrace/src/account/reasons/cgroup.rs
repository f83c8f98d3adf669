//! Why a cgroup could not make room below its limit.

use super::{Names, Reason, in_use, ranked};
use crate::account::{Account, swap::Swap};

pub(in crate::account) fn of_cgroup(account: &Account, swap: Swap, names: &Names) -> Vec<Reason> {
    ranked(in_use(account, swap, names), account)
}
