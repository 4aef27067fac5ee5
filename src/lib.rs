//! A Kubernetes operator for Amazon WorkMail organizations.
//!
//! A reconcile goes round in four steps, each in a layer of its own:
//!
//! 1. **observe**: [`aws`] lists the organizations of an account and region once for everybody, and
//!    reads single ones where the list says too little;
//! 2. **decide**: [`logic`] takes one value, all that is wanted, remembered and seen, and gives one
//!    action. It is pure and total;
//! 3. **act**: [`controller`] makes the one call of that action and folds the answer in;
//! 4. **report**: [`logic`] says what an outcome means, [`controller`] writes it to status and events.
//!
//! Arrows between layers go one way: `api ← logic ← proof ← metrics ← lease ← aws ← controller ←
//! commands ← runtime ← main`. [`proof`] is what exports are verified with, and as pure as [`logic`]; [`commands`]
//! has what the program does beside running the operator.

pub mod api;
pub mod aws;
pub mod commands;
pub mod controller;
pub mod lease;
pub mod logic;
pub mod metrics;
pub mod proof;
pub mod runtime;
