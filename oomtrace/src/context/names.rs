//! Names of containers, pods and users from the files of the node.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// The number of names of each kind that the sender and the reader of a stream remember.
pub const NAMES_KEPT: usize = 1024;

/// Names. Each is sent when a kill first involves it, and again when it changed or after [`NAMES_KEPT`] others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<NamedContainer>,
    /// Pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<NamedPod>,
    /// Users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<NamedUser>,
}

/// A container as its engine describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedContainer {
    /// The path of its cgroup, from the engine's own files. A container with another cgroup is a different one.
    pub cgroup: ByteString,
    /// The full identifier.
    pub id: ByteString,
    /// The name of the runtime, as in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ByteString>,
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ByteString>,
    /// The pod it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<NamedPod>,
    /// Pid of its first process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_pid: Option<i32>,
}

/// A pod as the kubelet or an engine describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPod {
    /// The full identifier.
    pub uid: String,
    /// Its name.
    pub name: ByteString,
    /// Its namespace.
    pub namespace: ByteString,
}

/// A user in `/etc/passwd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedUser {
    /// The number.
    pub uid: u32,
    /// The name.
    pub name: ByteString,
}
