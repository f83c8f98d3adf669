//! Annotations that Kubernetes and the engines store with a container: its name, its image and its pod. All other keys are
//! ignored.

use serde::Deserialize;

use crate::context::NamedPod;

/// Annotations of an OCI configuration, or labels of Docker.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    #[serde(rename = "io.kubernetes.cri.container-name")]
    cri_container: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-name")]
    cri_pod: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-namespace")]
    cri_namespace: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-uid")]
    cri_uid: Option<String>,
    #[serde(rename = "io.kubernetes.cri.image-name")]
    cri_image: Option<String>,
    #[serde(rename = "io.kubernetes.container.name")]
    container: Option<String>,
    #[serde(rename = "io.kubernetes.pod.name")]
    pod: Option<String>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    namespace: Option<String>,
    #[serde(rename = "io.kubernetes.pod.uid")]
    uid: Option<String>,
    /// An annotation of CRI-O itself: labels as JSON in a string.
    #[serde(rename = "io.kubernetes.cri-o.Labels")]
    crio_labels: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ContainerType")]
    crio_type: Option<String>,
    /// The container manager; `libpod` for podman.
    #[serde(rename = "io.container.manager")]
    manager: Option<String>,
    /// The name that nerdctl assigned.
    #[serde(rename = "nerdctl/name")]
    nerdctl: Option<String>,
}

impl Annotations {
    /// Returns the name of the container; `None` for a pod's sandbox.
    pub(super) fn name(&self) -> Option<String> {
        let of_crio = || self.of_crio()?.container;
        let name = self.cri_container.clone().or_else(|| self.container.clone()).or_else(of_crio);
        name.filter(|name| !name.is_empty() && name != "POD").or_else(|| self.nerdctl.clone())
    }

    /// Returns the name of the image.
    pub(super) fn image(&self) -> Option<String> {
        self.cri_image.clone().or_else(|| self.crio_image.clone())
    }

    /// Returns the pod, if all of its parts are known.
    pub(super) fn pod(&self) -> Option<NamedPod> {
        let of_crio = self.of_crio().unwrap_or_default();
        let first = |own: &Option<String>, other: &Option<String>, crio: Option<String>| {
            own.clone().or_else(|| other.clone()).or(crio).filter(|text| !text.is_empty())
        };
        Some(NamedPod {
            uid: first(&self.cri_uid, &self.uid, of_crio.uid)?,
            name: first(&self.cri_pod, &self.pod, of_crio.pod)?.as_str().into(),
            namespace: first(&self.cri_namespace, &self.namespace, of_crio.namespace)?.as_str().into(),
        })
    }

    /// Returns the engine, if it identifies itself.
    pub(super) fn runtime(&self) -> Option<&'static str> {
        match &self.manager {
            Some(manager) if manager == "libpod" => Some("podman"),
            _ => self.crio_type.as_ref().map(|_| "cri-o"),
        }
    }

    fn of_crio(&self) -> Option<Self> {
        serde_json::from_str(self.crio_labels.as_ref()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Annotations;

    fn of(json: &str) -> Annotations {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn reads_annotations_of_containerd() {
        let found =
            of(r#"{"io.kubernetes.cri.container-name":"web","io.kubernetes.cri.container-type":"container",
            "io.kubernetes.cri.sandbox-name":"shop-7d9","io.kubernetes.cri.sandbox-namespace":"prod",
            "io.kubernetes.cri.sandbox-uid":"u1","io.kubernetes.cri.image-name":"nginx:1"}"#);
        let pod = found.pod().unwrap();
        assert_eq!((found.name().as_deref(), found.image().as_deref()), (Some("web"), Some("nginx:1")));
        assert_eq!((pod.uid.as_str(), pod.name, pod.namespace), ("u1", "shop-7d9".into(), "prod".into()));
        assert_eq!(of("{}").pod(), None);
    }

    #[test]
    fn reads_annotations_of_cri_o() {
        let found = of(
            r#"{"io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.ImageName":"i",
            "io.kubernetes.cri-o.Labels":"{\"io.kubernetes.container.name\":\"web\",\"io.kubernetes.pod.name\":\"p\",\"io.kubernetes.pod.namespace\":\"n\",\"io.kubernetes.pod.uid\":\"u\"}"}"#,
        );
        assert_eq!((found.name().as_deref(), found.runtime()), (Some("web"), Some("cri-o")));
        assert_eq!(found.pod().unwrap().name, "p".into());
    }

    #[test]
    fn reads_a_sandbox_as_a_pod_without_a_name() {
        let found = of(r#"{"io.kubernetes.container.name":"POD","io.kubernetes.pod.name":"p",
            "io.kubernetes.pod.namespace":"n","io.kubernetes.pod.uid":"u"}"#);
        assert_eq!(found.name(), None);
        assert!(found.pod().is_some());
    }
}
