//! Ends a shortage that no kill ends.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// A file of a cgroup that the guest writes once a counter shows that memory has run out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relief {
    /// The cgroup, as a path below the hierarchy's mount.
    pub cgroup: Text,
    /// A counter of `memory.events` (v2) or `memory.oom_control` (v1), and the value that it must reach.
    pub when: (String, u64),
    /// The file and the value to write.
    pub write: (String, String),
}

impl Relief {
    pub(super) fn new(cgroup: &str, when: (&str, u64), write: (&str, &str)) -> Self {
        Self {
            cgroup: cgroup.into(),
            when: (when.0.to_owned(), when.1),
            write: (write.0.to_owned(), write.1.to_owned()),
        }
    }
}
