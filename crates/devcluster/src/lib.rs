//! A real Kubernetes control plane on loopback: etcd, kube-apiserver with RBAC
//! and, when asked for, kube-controller-manager. For tests, benchmarks and the
//! demo, which want the real thing, many times, and no trace of it afterwards.
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
//! - [`Cluster`] starts them, stops, kills and starts them again.
//! - The `guardian` module ends them with their owner, however that ends.

mod cluster;
mod credentials;
mod error;
mod guardian;
mod pinned;
mod program;
mod ready;
mod server;
mod source;

pub use cluster::{Cluster, Options};
pub use error::Error;
pub use program::Program;
pub use server::Component;
