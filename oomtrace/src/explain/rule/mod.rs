//! The rules that find the cause, one per file. `explain` tries them in order.

pub(super) mod inferred;
pub(super) mod memcg_limit;
pub(super) mod mglru;
pub(super) mod shortage;
pub(super) mod sysrq;
pub(super) mod userspace;
pub(super) mod zones;
