//! Names that the files of the node tell: of containers, pods and users.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// Names of each kind that were told and are remembered, by who tells and by who is told.
pub const NAMES_KEPT: usize = 1024;

/// Names, each told when a kill first has to do with it, and again when it changed or after [`NAMES_KEPT`] others.
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
    /// The path of its cgroup, by the engine's own files: a container elsewhere is another one.
    pub cgroup: ByteString,
    /// The identifier in full.
    pub id: ByteString,
    /// The name of the runtime, as reports have it.
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
    /// Its first process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_pid: Option<i32>,
}

/// A pod as the kubelet or an engine describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPod {
    /// The identifier in full.
    pub uid: String,
    /// Its name.
    pub name: ByteString,
    /// The namespace it is in.
    pub namespace: ByteString,
}

/// A user as `/etc/passwd` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedUser {
    /// The number.
    pub uid: u32,
    /// The name.
    pub name: ByteString,
}
