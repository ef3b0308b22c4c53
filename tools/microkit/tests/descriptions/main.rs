//! The whole way from a description's text to an image: fixtures, and descriptions that nobody wrote.

mod capabilities;
mod command;
mod diagram;
mod fixtures;
mod kernel;
mod manual;
mod random;
mod support;
