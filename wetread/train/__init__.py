"""Training: from a manifest to a bundle. Needs the extra ``train`` (torch); nothing outside this folder imports it.

The stages, in order (``wetread train CONFIG`` runs them, each resumable):

    pack      films → one array of 256×256 squares                                   films.py
    targets   reports and labels → the concepts that the encoder learns              targets.py
    encoder   K networks by K-fold, each blind to its fold's studies                 encoder.py, encode.py
    findings  out-of-fold concepts → calibrated findings, thresholds                 calibrate.py
    decoder   a language model that reads concepts: cross entropy, then self-critical  decoder.py, compose.py
    evaluate  the table on val                                                       evaluate.py
"""
