//! A real Kubernetes control plane on loopback for tests, benchmarks and the
//! demo: etcd, kube-apiserver with RBAC and, if asked for,
//! kube-controller-manager. It leaves no processes and no files behind.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use devcluster::{Cluster, Component, Options};
//!
//! let cluster = Cluster::start(Options::default()).await?;
//! let version = cluster.client()?.apiserver_version().await?;
//!
//! cluster.kill(Component::ApiServer).await?;
//! cluster.start_again(Component::ApiServer).await?; // same address, same data
//! # Ok(())
//! # }
//! ```
//!
//! - [`Program`] finds the programs, and builds them once per machine.
//! - [`Cluster`] starts, stops, kills and restarts them.
//! - [`S3Server`] is an S3 server, for what writes to buckets.
//! - The `supervisor` module ends them when the process that started them ends.

mod cluster;
mod credentials;
mod error;
mod pinned;
mod program;
mod ready;
mod s3;
mod server;
mod source;
mod supervisor;

pub use cluster::{Cluster, Options};
pub use error::Error;
pub use program::Program;
pub use s3::{BucketOptions, S3Server};
pub use server::Component;
