//! The version that a Go module pins, and the linker flags that set it.

use std::fmt::Write as _;

/// Returns what a module pins, such as `Kubernetes v1.37.2`, and the linker flags
/// for its programs.
pub(crate) fn pinned(go_mod: &str) -> Option<(String, String)> {
    let version = |module| version(go_mod, module);
    if let Some(kubernetes) = version("k8s.io/kubernetes") {
        let flags = flags(&of_kubernetes(kubernetes)?);
        return Some((format!("Kubernetes v{kubernetes}"), flags));
    }
    if let Some(helm) = version("helm.sh/helm/v3") {
        let flags = flags(&of_helm3(version("k8s.io/client-go")?)?);
        return Some((format!("Helm v{helm}"), flags));
    }
    if let Some(gateway) = version("github.com/versity/versitygw") {
        return Some((format!("versitygw v{gateway}"), flags(&[])));
    }
    let helm = version("helm.sh/helm/v4")?;
    Some((format!("Helm v{helm}"), flags(&[])))
}

fn version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    let mut lines = go_mod.lines().map(str::trim);
    let rest = lines.find_map(|line| line.strip_prefix(module)?.strip_prefix(" v"))?;
    rest.split(' ').next()
}

fn flags(variables: &[(&str, String)]) -> String {
    let flags = "-s -w".to_owned();
    variables.iter().fold(flags, |mut flags, (name, value)| {
        let _ = write!(flags, " -X {name}={value}");
        flags
    })
}

/// Returns the flags for the programs of Kubernetes. Without them a server reports
/// v0.0.0, and clients draw the wrong conclusions.
fn of_kubernetes(version: &str) -> Option<[(&'static str, String); 4]> {
    let (major, rest) = version.split_once('.')?;
    let (minor, _patch) = rest.split_once('.')?;
    Some([
        (
            "k8s.io/component-base/version.gitVersion",
            format!("v{version}"),
        ),
        ("k8s.io/component-base/version.gitMajor", major.to_owned()),
        ("k8s.io/component-base/version.gitMinor", minor.to_owned()),
        (
            "k8s.io/component-base/version.gitTreeState",
            "clean".to_owned(),
        ),
    ])
}

/// Returns the flags for Helm 3: the Kubernetes version for which it renders without a cluster.
/// It is that of its client, v0.N for 1.N. The default, 1.20, is refused by charts.
fn of_helm3(client: &str) -> Option<[(&'static str, String); 4]> {
    let minor = client.split('.').nth(1)?;
    let value = |value: &str| value.to_owned();
    Some([
        ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor", value("1")),
        (
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor",
            value(minor),
        ),
        ("helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor", value("1")),
        (
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor",
            value(minor),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_have_the_kubernetes_version_of_the_module() {
        let (what, flags) =
            pinned("require (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)").unwrap();
        assert_eq!(what, "Kubernetes v1.37.2");
        for flag in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37 "] {
            let flag = format!("-X k8s.io/component-base/version.{flag}");
            assert!(flags.contains(&flag), "{flags}");
        }
        assert!(pinned("require k8s.io/api v0.37.2").is_none());
    }

    #[test]
    fn the_flags_of_helm_3_have_the_kubernetes_version_of_its_client() {
        let (what, flags) =
            pinned("\thelm.sh/helm/v3 v3.14.4 // indirect\n\tk8s.io/client-go v0.29.0 // indirect")
                .unwrap();
        assert_eq!(what, "Helm v3.14.4");
        for of in ["chartutil", "lint/rules"] {
            let flag = format!("-X helm.sh/helm/v3/pkg/{of}.k8sVersionMinor=29");
            assert!(flags.contains(&flag), "{flags}");
        }
    }
}
