//! What the program does, seen from outside.

mod model;
mod tokens;
mod work;
mod writes;
