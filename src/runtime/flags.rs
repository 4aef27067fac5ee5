//! The command line. Every flag has a twin in the environment.

use std::{net::SocketAddr, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};
use k8s_openapi::jiff::{SignedDuration, civil::Date};

use super::LogFormat;
use crate::commands::{unpack::UnpackFlags, verify::VerifyFlags};

/// A Kubernetes operator for Amazon WorkMail organizations.
#[derive(Debug, Parser)]
#[command(
    name = "workmail-operator",
    version,
    disable_version_flag = true,
    about
)]
pub struct Flags {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator
    Run(Box<Run>),
    /// Print the custom resource definitions as YAML
    Crds,
    /// Read every byte of the exports that a manifest names, and write verified.json: the full proof
    Verify(Box<VerifyFlags>),
    /// Unpack an exported zip to mbox files, Maildir folders or .eml files, and calendars to .ics files
    Unpack(Box<UnpackFlags>),
    /// Print the version
    Version,
}

/// The flags of `run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// AWS region of resources that name none [default: that of the environment, or the AWS profile's]
    #[arg(long, env = "WORKMAIL_OPERATOR_REGION")]
    pub region: Option<String>,

    /// Namespaces to watch, separated by commas [default: all]
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    pub watch_namespaces: Vec<String>,

    /// How many resources are worked on at once
    #[arg(long, env = "WORKMAIL_OPERATOR_CONCURRENCY", default_value = "64", value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,

    /// How often the organizations are listed while nothing is in transition
    #[arg(long, env = "WORKMAIL_OPERATOR_RESYNC_INTERVAL", default_value = "5m", value_parser = at_least_a_second)]
    pub resync_interval: Duration,

    /// How often each organization is read in full, tags and domains included
    #[arg(long, env = "WORKMAIL_OPERATOR_DEEP_RESYNC_INTERVAL", default_value = "1h", value_parser = at_least_a_second)]
    pub deep_resync_interval: Duration,

    /// Name of this cluster in ownership tags; no two live clusters may share one [default: the UID
    /// of the namespace kube-system]
    #[arg(long, env = "WORKMAIL_OPERATOR_CLUSTER_NAME", value_parser = tag_value)]
    pub cluster_name: Option<String>,

    /// Names that this cluster had in ownership tags before, separated by commas: such tags are this
    /// cluster's, and are rewritten. Never the name or UID of another live cluster [default: none]
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_FORMER_CLUSTER_NAMES",
        value_delimiter = ','
    )]
    pub former_cluster_names: Vec<String>,

    /// Whether there are other replicas, and how they agree.
    #[command(flatten)]
    pub leader_election: LeaderElection,

    /// Which log lines are written: a level, or directives as of the tracing crate
    #[arg(long, env = "WORKMAIL_OPERATOR_LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// How log lines are written
    #[arg(long, env = "WORKMAIL_OPERATOR_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,

    /// Where /metrics is served
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_METRICS_BIND_ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    pub metrics_bind_address: SocketAddr,

    /// Where /livez and /readyz are served
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_HEALTH_PROBE_BIND_ADDRESS",
        default_value = "0.0.0.0:8081"
    )]
    pub health_probe_bind_address: SocketAddr,

    /// How long after the start of a mailbox's last export the next one may begin
    #[arg(long, env = "WORKMAIL_OPERATOR_EXPORT_RETRY_AFTER", default_value = "24h", value_parser = at_least_a_second)]
    pub export_retry_after: Duration,

    /// The last day of Amazon WorkMail (UTC); nothing is changed in AWS after it
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_END_OF_SERVICE_DATE",
        default_value = "2027-03-31"
    )]
    pub end_of_service_date: Date,

    /// Serve only resources that have an account: without any, the operator's own credentials serve
    /// nobody
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_REQUIRE_ACCOUNT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = false,
        action = ArgAction::Set
    )]
    pub require_account: bool,

    /// The Helm release that this operator is: it serves the accounts that name this release in
    /// spec.release, or none
    #[arg(
        long,
        env = "WORKMAIL_OPERATOR_RELEASE",
        default_value = "workmail-operator"
    )]
    pub release: String,
}

/// The flags of leader election, named as those of the Kubernetes components.
#[derive(Args, Clone, Debug)]
pub struct LeaderElection {
    /// Share the work with other replicas: the one that has the lease acts, the others stand by
    #[arg(
        long = "leader-elect",
        env = "WORKMAIL_OPERATOR_LEADER_ELECT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = false,
        action = ArgAction::Set
    )]
    pub enabled: bool,

    /// Name of the Lease; operators that share no work need one each
    #[arg(
        long = "leader-elect-resource-name",
        env = "WORKMAIL_OPERATOR_LEADER_ELECT_RESOURCE_NAME",
        default_value = "workmail-operator"
    )]
    pub resource_name: String,

    /// Namespace of the Lease [default: that of the pod, or of the kubeconfig's context]
    #[arg(
        long = "leader-elect-resource-namespace",
        env = "WORKMAIL_OPERATOR_LEADER_ELECT_RESOURCE_NAMESPACE"
    )]
    pub resource_namespace: Option<String>,

    /// How long the others wait for a leader that no longer renews its lease; the leader stops after two
    /// thirds of that
    #[arg(long = "leader-elect-lease-duration", env = "WORKMAIL_OPERATOR_LEADER_ELECT_LEASE_DURATION", default_value = "15s", value_parser = lease_duration)]
    pub lease_duration: Duration,
}

/// `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration: write 30s, 5m or 1h");
    let signed: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

fn at_least_a_second(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|duration| {
        if duration < Duration::from_secs(1) {
            Err(format!("{text:?} is too short: at least 1s"))
        } else {
            Ok(duration)
        }
    })
}

/// Whole seconds, as a Lease has them.
fn lease_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|duration| {
        if duration < Duration::from_secs(3) || duration.subsec_nanos() > 0 {
            Err(format!("{text:?} does not do: whole seconds, at least 3s"))
        } else {
            Ok(duration)
        }
    })
}

fn tag_value(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > 256 {
        return Err("an AWS tag value has 1 to 256 characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_flag_has_a_twin_in_the_environment() {
        let mut command = Flags::command();
        command.build();
        let run = command.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter(|flag| flag.get_id() != "help") {
            assert!(flag.get_env().is_some(), "{}", flag.get_id());
        }
        command.debug_assert();
    }

    #[rstest]
    #[case("30s", 30)]
    #[case("5m", 300)]
    #[case("1h", 3600)]
    fn durations_are_written_with_a_unit(#[case] text: &str, #[case] seconds: u64) {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
    }

    #[rstest]
    #[case(&[], false)]
    #[case(&["--leader-elect"], true)]
    #[case(&["--leader-elect=true"], true)]
    #[case(&["--leader-elect=false"], false)]
    fn leader_election_is_asked_for_as_of_the_kubernetes_components(
        #[case] flags: &[&str],
        #[case] elect: bool,
    ) {
        let line = ["workmail-operator", "run"].iter().chain(flags);
        let Command::Run(run) = Flags::try_parse_from(line).unwrap().command else {
            panic!("run");
        };
        assert_eq!(run.leader_election.enabled, elect);
    }

    #[rstest]
    #[case("2s")]
    #[case("3500ms")]
    fn a_lease_lasts_whole_seconds_and_three_at_least(#[case] text: &str) {
        assert!(lease_duration(text).is_err());
        assert_eq!(lease_duration("3s"), Ok(Duration::from_secs(3)));
    }

    #[rstest]
    #[case("5")]
    #[case("-5m")]
    #[case("soon")]
    fn what_is_no_duration_is_refused_with_an_example(#[case] text: &str) {
        assert!(duration(text).unwrap_err().contains("30s"));
    }
}
