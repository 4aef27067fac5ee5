//! What Argo CD and Flux say of an object: by the interpreter and the library that they use.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    process::Command,
};

use serde::{Deserialize, Serialize};

const HEALTH_CHECK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/gitops/argocd/health.lua"
);

/// What one tool says of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Verdict {
    /// Its word.
    pub(crate) status: String,
    /// What it shows beside it.
    pub(crate) message: String,
}

/// What the tools say of an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdicts {
    /// Argo CD, with the health check of this repository.
    pub(crate) argo: Verdict,
    /// Argo CD in its versions before 3.6.
    pub(crate) argo_before36: Verdict,
    /// Flux, and whatever else asks kstatus.
    pub(crate) flux: Verdict,
}

impl Verdicts {
    /// The words of Argo CD and Flux.
    pub(crate) fn words(&self) -> (&str, &str) {
        (&self.argo.status, &self.flux.status)
    }
}

/// What they say of each of these objects.
pub(crate) fn verdicts<T: Serialize>(objects: impl IntoIterator<Item = T>) -> Vec<Verdicts> {
    let mut file = tempfile::tempfile().unwrap();
    for object in objects {
        let line = serde_json::to_string(&object).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    file.rewind().unwrap();
    judge(file)
}

/// Go keeps the program in its cache, and builds it again when it changes.
fn judge(objects: File) -> Vec<Verdicts> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/gitops");
    let done = Command::new("go")
        .args(["run", "-mod=readonly", ".", HEALTH_CHECK])
        .current_dir(folder)
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .stdin(objects)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let lines = serde_json::Deserializer::from_slice(&done.stdout).into_iter();
    lines.map(|line| line.unwrap()).collect()
}
