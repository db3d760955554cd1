//! The command line as people meet it: what each command prints, how it ends, and that pipes stay plain.

mod doctor;
mod explain;
mod general;
mod start;
mod token;
