//! What the operator costs, on a real control plane and over the wire: `make bench`.
//!
//! Absolute times are of this machine, noisy, and given as medians with their spread; counts are
//! exact. The table goes to standard output and to `benches/results.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on ends with a message"
)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use devcluster::{Cluster, Options};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, CustomResourceExt,
    api::PostParams,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde_json::json;
use workmail_local::{CallFilter, Config, Delay, Knobs, Server};
use workmail_operator::api::{ConditionStatus, ConditionType, WorkMailOrganization, crd};

const OBJECTS: usize = 200;
const STARTS: usize = 5;
const PATIENCE: Duration = Duration::from_mins(1);
const OPERATOR: &str = env!("CARGO_BIN_EXE_workmail-operator");

#[tokio::main]
async fn main() {
    // `cargo test --benches` builds this too, and runs nothing of it.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let client = cluster.client().unwrap();
    install_crd(&client).await;
    let aws = Server::start(Config::with_knobs(Knobs {
        // Long enough that all are asked for before the first of them changes.
        requested_for: Delay::from(Duration::from_secs(20)),
        creating_for: Delay::from(Duration::ZERO),
        organization_quota: None,
        ..Knobs::default()
    }))
    .await
    .unwrap();

    let mut rows = Vec::new();
    let size = fs::metadata(OPERATOR).unwrap().len();
    rows.push(row(
        "binary",
        "MiB",
        &[size as f64 / f64::from(1 << 20)],
        20.0,
    ));

    let starts = starts(&cluster, &client, &aws).await;
    rows.push(row(
        "process start → first AWS call for a waiting object",
        "ms",
        &starts,
        500.0,
    ));

    let operator = Operator::start(cluster.kubeconfig(), &aws.url());
    operator.until_ready().await;
    rows.push(row(
        "resident memory, idle",
        "MiB",
        &[operator.resident_mib()],
        20.0,
    ));

    let (mut latencies, writes) = one_by_one(&client, &aws).await;
    latencies.sort_by(f64::total_cmp);
    rows.push(quantile(
        "apply → CreateOrganization received, p50",
        &latencies,
        0.50,
        5.0,
    ));
    rows.push(quantile(
        "apply → CreateOrganization received, p99",
        &latencies,
        0.99,
        15.0,
    ));
    let calls = aws.endpoint().calls(&CallFilter::any());
    for operation in [
        "CreateOrganization",
        "DescribeOrganization",
        "ListTagsForResource",
        "TagResource",
    ] {
        let count = calls
            .iter()
            .filter(|call| call.operation == operation)
            .count() as u64;
        rows.push(count_row(
            &format!("{operation} per object"),
            count,
            OBJECTS + STARTS,
        ));
    }
    rows.push(count_row(
        "status writes per object, apply to Active",
        writes,
        OBJECTS,
    ));
    rows.push(row(
        &format!("resident memory, {} objects", OBJECTS + STARTS),
        "MiB",
        &[operator.resident_mib()],
        f64::NAN,
    ));
    publish(&rows);
}

/// From process start to the first call to AWS, with one object waiting.
async fn starts(cluster: &Cluster, client: &Client, aws: &Server) -> Vec<f64> {
    let mut times = Vec::new();
    for number in 0..STARTS {
        let name = format!("start-{number}");
        create(client, &name).await;
        let mark = aws.endpoint().last_call();
        let begun = SystemTime::now();
        let operator = Operator::start(cluster.kubeconfig(), &aws.url());
        let first = aws
            .endpoint()
            .wait_for_calls(&CallFilter::any().after(mark), 1, PATIENCE)
            .await
            .unwrap();
        times.push(since(begun, first.first().unwrap().at));
        until_active(client, &name).await;
        drop(operator);
    }
    times
}

/// Applies objects one by one; gives the milliseconds until each create was received, and how many
/// versions of status were written in all.
async fn one_by_one(client: &Client, aws: &Server) -> (Vec<f64>, u64) {
    let before = status_writes(client).await;
    let mut latencies = Vec::new();
    for number in 0..OBJECTS {
        let name = format!("bench-{number}");
        let mark = aws.endpoint().last_call();
        let begun = SystemTime::now();
        create(client, &name).await;
        let filter = CallFilter::on("CreateOrganization").after(mark);
        let calls = aws
            .endpoint()
            .wait_for_calls(&filter, 1, PATIENCE)
            .await
            .unwrap();
        latencies.push(since(begun, calls.first().unwrap().at));
        until_requested(client, &name).await;
    }
    for number in 0..OBJECTS {
        until_active(client, &format!("bench-{number}")).await;
    }
    (latencies, status_writes(client).await - before)
}

/// Status writes, counted by the API server.
async fn status_writes(client: &Client) -> u64 {
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    let text = client.request_text(request).await.unwrap();
    text.lines()
        .filter(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains("resource=\"workmailorganizations\"")
                && line.contains("subresource=\"status\"")
                && line.contains("code=\"200\"")
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn since(begun: SystemTime, at: workmail_local::Timestamp) -> f64 {
    let at: SystemTime = at.into();
    at.duration_since(begun).unwrap_or_default().as_secs_f64() * 1000.0
}

async fn create(client: &Client, name: &str) {
    let api: Api<WorkMailOrganization> = Api::namespaced(client.clone(), "default");
    let object = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1",
        "kind": "WorkMailOrganization",
        "metadata": {"name": name},
        "spec": {"alias": name},
    }))
    .unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

async fn until_active(client: &Client, name: &str) {
    let active = |object: &WorkMailOrganization| {
        let status = object.status.as_ref();
        status
            .and_then(|status| status.condition(ConditionType::Ready))
            .is_some_and(|ready| ready.status == ConditionStatus::True)
    };
    until(client, name, active).await;
}

/// Waits until the answer of the create is written down.
async fn until_requested(client: &Client, name: &str) {
    let requested = |object: &WorkMailOrganization| {
        let status = object.status.as_ref();
        status.is_some_and(|status| status.organization_id.is_some())
    };
    until(client, name, requested).await;
}

async fn until(client: &Client, name: &str, so: impl Fn(&WorkMailOrganization) -> bool) {
    let api: Api<WorkMailOrganization> = Api::namespaced(client.clone(), "default");
    let so = |object: Option<&WorkMailOrganization>| object.is_some_and(&so);
    tokio::time::timeout(PATIENCE, await_condition(api, name, so))
        .await
        .unwrap()
        .unwrap();
}

async fn install_crd(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    api.create(&PostParams::default(), &crd()).await.unwrap();
    await_condition(api, WorkMailOrganization::crd_name(), is_crd_established())
        .await
        .unwrap();
}

/// The operator's process; ended with it.
struct Operator {
    child: Child,
    log: tempfile::NamedTempFile,
}

impl Operator {
    fn start(kubeconfig: &Path, endpoint: &str) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let child = Command::new(OPERATOR)
            .args(["run", "--metrics-bind-address", "127.0.0.1:0"])
            .args(["--health-probe-bind-address", "127.0.0.1:0"])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("AWS_ENDPOINT_URL_WORKMAIL", endpoint)
            .env("AWS_ENDPOINT_URL_STS", endpoint)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .stdout(log.reopen().unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Waits until it watches, and has come to rest.
    async fn until_ready(&self) {
        let begun = Instant::now();
        while !fs::read_to_string(self.log.path())
            .unwrap()
            .contains("\"started\"")
        {
            assert!(begun.elapsed() < PATIENCE, "the operator did not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().split(' ').next())
            .unwrap()
            .parse()
            .unwrap();
        kib / 1024.0
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of the table: what, measured, spread, aim.
struct Row([String; 4]);

fn row(what: &str, unit: &str, values: &[f64], aim: f64) -> Row {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let spread = match values.as_slice() {
        [least, .., most] => format!("{least:.1}–{most:.1} {unit} in {}", values.len()),
        _ => String::new(),
    };
    Row([
        what.to_owned(),
        format!("{median:.1} {unit}"),
        spread,
        aim_text(aim, unit),
    ])
}

fn quantile(what: &str, sorted: &[f64], part: f64, aim: f64) -> Row {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((sorted.len() - 1) as f64 * part).round() as usize;
    let value = sorted.get(index).copied().unwrap_or(f64::NAN);
    let (least, most) = (sorted.first().unwrap(), sorted.last().unwrap());
    Row([
        what.to_owned(),
        format!("{value:.1} ms"),
        format!("{least:.1}–{most:.1} ms in {}", sorted.len()),
        aim_text(aim, "ms"),
    ])
}

fn count_row(what: &str, count: u64, objects: usize) -> Row {
    Row([
        what.to_owned(),
        format!("{:.2}", count as f64 / objects as f64),
        format!("{count} for {objects}"),
        String::new(),
    ])
}

fn aim_text(aim: f64, unit: &str) -> String {
    if aim.is_nan() {
        String::new()
    } else {
        format!("under {aim} {unit}")
    }
}

fn publish(rows: &[Row]) {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "# Measured\n\nBy `make bench`, version {}, release build; etcd, kube-apiserver, WorkMail \
         endpoint, load and operator on one machine: {cores} cores of {cpu}.\n\n\
         | what | measured | spread | aim |\n| --- | --- | --- | --- |\n",
        env!("CARGO_PKG_VERSION")
    );
    for Row(cells) in rows {
        text.push_str("| ");
        text.push_str(&cells.join(" | "));
        text.push_str(" |\n");
    }
    println!("{text}");
    fs::write(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results.md"),
        text,
    )
    .unwrap();
}
