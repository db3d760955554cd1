//! Answers of a small policy to requests of every kind.

mod clients;
mod fixture;
mod upstreams;

use super::*;
