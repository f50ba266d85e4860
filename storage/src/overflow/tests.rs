//! What goes into the overflow column comes out of it, types and all, and what is counted of it is true and bounded.

mod fold;
mod table;
mod text;
