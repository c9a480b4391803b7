"""Training: from a manifest to a bundle. Needs the extra ``train`` (torch); nothing outside this folder imports it.

The stages, in order (``wetread train CONFIG`` runs them, each resumable; ``pipeline.py``), by module of ``stages/``:

    networks  pack         films → one array of 256×256 squares                          films.py
              detector     findings drawn into films → a network that finds them         detector.py, implants.py
              warmup       other collections → the weights that encoders begin with      encode.py
              targets      reports and labels → the concepts that encoders learn         targets.py
              encoder      K networks by K-fold, each blind to its fold's studies        encoder.py, encode.py
              finish       the same networks taught on by all teachers: these ship       encode.py
              places       on each network a head for where a finding lies               places.py
              outputs      what all networks say of all films (``seen`` loads it)        features.py, lessons.py
    findings  findings     out-of-fold outputs → calibrated findings, thresholds         calibrate.py, indications.py
    words     departments  texture → whose words a report is written in                  department.py
              decoder      findings and department → words, by what teachers agree on    compose.py, consensus.py
    bundle    export       all of it as a bundle                                         export.py, novelty.py, zones.py
"""
