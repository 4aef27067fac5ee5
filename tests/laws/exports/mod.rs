//! Properties of the exports: the shipped decisions over a small model of the job service and of the API
//! server, with a fault at every step.

mod interleavings;
mod mailbox;
mod many;
mod organization;
mod verification;
mod world;
