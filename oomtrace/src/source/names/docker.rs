//! Reads Docker's `config.v2.json`: the name, the image, and the pod if the kubelet created the container.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{annotations::Annotations, files::read};
use crate::{bytes::ByteString, context::NamedPod};

/// The beginning of the names that the kubelet's driver for Docker gives.
/// <https://github.com/kubernetes/kubernetes/blob/v1.23.0/pkg/kubelet/dockershim/naming.go>
const KUBELETS: &str = "k8s_";

/// The description of a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: Option<ByteString>,
    pub(super) image: Option<ByteString>,
    pub(super) pod: Option<NamedPod>,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Config", default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    #[serde(rename = "Image")]
    image: Option<String>,
    #[serde(rename = "Labels")]
    labels: Option<Annotations>,
}

/// Returns the container's directory in Docker's data, wherever that is. It is known because files from it are mounted in the
/// container.
pub(super) fn directory<'a>(sources: impl Iterator<Item = &'a Path>, id: &str) -> Option<PathBuf> {
    let in_directory = |source: &'a Path| {
        let directory = source.parent()?;
        let is_file = ["hosts", "hostname", "resolv.conf"].iter().any(|name| source.ends_with(name));
        (is_file && directory.ends_with(Path::new("containers").join(id))).then(|| directory.to_owned())
    };
    sources.filter_map(in_directory).next()
}

/// Reads the description of the container with this identifier.
pub(super) fn describe(directory: &Path, id: &str) -> Option<Described> {
    let file: File = serde_json::from_slice(&read(&directory.join("config.v2.json"))?).ok()?;
    let name = file.name.strip_prefix('/').unwrap_or(&file.name);
    let labels = file.config.labels.unwrap_or_default();
    // An image can have any labels. Those of the kubelet count only for a container that the kubelet's driver named.
    let labels = if name.starts_with(KUBELETS) { labels } else { Annotations::default() };
    let name = labels.name().unwrap_or_else(|| name.to_owned());
    (file.id == id && !name.is_empty()).then(|| Described {
        name: Some(name.as_str().into()),
        image: file.config.image.as_deref().map(ByteString::from),
        pod: labels.pod(),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{describe, directory};

    #[test]
    fn finds_the_directory_from_mounted_files() {
        let of = |sources: &[&str]| directory(sources.iter().map(Path::new), "abc");
        let found = of(&["proc", "/srv/docker/containers/abc/hosts"]);
        assert_eq!(found.as_deref(), Some(Path::new("/srv/docker/containers/abc")));
        assert_eq!(of(&["/srv/docker/containers/abd/hosts", "/containers/abc/evil", "hosts"]), None);
    }

    #[test]
    fn labels_name_only_a_container_of_the_kubelet() {
        let top = tempfile::tempdir().unwrap();
        let name = |docker: &str| {
            let file = format!(
                r#"{{"ID":"abc","Name":"/{docker}","Config":{{"Labels":{{"io.kubernetes.container.name":"web"}}}}}}"#
            );
            fs::write(top.path().join("config.v2.json"), file).unwrap();
            describe(top.path(), "abc").unwrap().name.unwrap()
        };
        assert_eq!(name("evil"), "evil".into(), "any image can have this label");
        assert_eq!(name("k8s_web_shop-7d9_prod_u1_0"), "web".into());
    }

    #[test]
    fn strips_the_slash_and_checks_the_identifier() {
        let top = tempfile::tempdir().unwrap();
        let file = r#"{"ID":"abc","Name":"/shop","Config":{"Image":"nginx:1","Labels":{"a":"b"},"Env":["SECRET=x"]}}"#;
        fs::write(top.path().join("config.v2.json"), file).unwrap();
        let found = describe(top.path(), "abc").unwrap();
        assert_eq!((found.name, found.image), (Some("shop".into()), Some("nginx:1".into())));
        assert_eq!(describe(top.path(), "abd"), None, "another container's file");
        fs::write(top.path().join("config.v2.json"), &file[..40]).unwrap();
        assert_eq!(describe(top.path(), "abc"), None);
    }
}
