"""Files to facts, admitted clips to guarded frames and samples, pictures to video: all decoding happens in the jail."""
